"""Structured extraction without models or storage: pure functions from text and replies to fields.

schema.py      Schema and FieldSpec, what to extract; as_schema in schema_sources.py reads one
parsing.py     the words of a document -> dates, money, numbers, booleans, choices
mentions.py    where a text states dates and amounts at all
locating.py    where quoted words stand, and which of several mentions is meant
replies.py     the JSON schema for the model, and its reply as words per field
assembling.py  words -> located, parsed, validated Fields of a Record
windows.py     which parts of a long document are shown
merging.py     records of several windows -> records without duplicates
shots.py       reviewed examples -> worked examples for the prompt, the most similar ones
teaching.py    reviewed examples -> a ranking of a document's spans for each field
"""
