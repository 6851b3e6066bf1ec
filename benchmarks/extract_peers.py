"""What others make of the same documents, with the same model on the same server.

- plain: one prompt that names the fields and asks for JSON, without any step of ours.
- langextract: ``lx.extract`` with its Ollama provider, one worked example (it demands one), its
  defaults otherwise.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.extract_data import Labelled
from workbench.errors import ModelError
from workbench.extraction.replies import described
from workbench.extraction.schema import FieldType, Schema
from workbench.guard.policy import Action
from workbench.models.messages import ChatRequest
from workbench.models.server import find
from workbench.workbench import Workbench

NUM_CTX = 4096
PLAIN_TOKENS = 400
_CHARS_PER_TOKEN = 3

Predicted = dict[str, list[str]]
Peer = Callable[[str], tuple[Predicted, dict[str, float]]]


def peer(name: str, workbench: Workbench, schema: Schema, shot: Labelled) -> Peer:
    """The peer as a function from a document's text to words per field and what it cost."""
    if name == "plain":
        return _plain(workbench, schema)
    return _langextract(workbench, schema, shot)


def _plain(workbench: Workbench, schema: Schema) -> Peer:
    def ask(text: str) -> tuple[Predicted, dict[str, float]]:
        # As much as the context holds: a plain caller has no other way to shorten a contract.
        room = (NUM_CTX - PLAIN_TOKENS) * _CHARS_PER_TOKEN - 800
        request = ChatRequest(
            model=workbench.config.models.chat,
            system="You are a helpful assistant.",
            user="Extract these fields from the document as one JSON object.\n"
            f"{described(schema.fields)}\n\nDocument:\n{text[:room]}\n\nJSON:",
            schema=None,
            max_tokens=PLAIN_TOKENS,
            prompt_version="plain",
        )
        started_s = time.perf_counter()
        actor = workbench.session("benchmark").actor
        with workbench.guard.open(actor, Action.EVALUATE, resource="plain") as run:
            try:
                reply = workbench.models.chat(run, request).text
            except ModelError as error:
                reply = f"failed: {error.what}"
            usage = run.meter.usage
        return _json_words(reply, schema), {
            "seconds": time.perf_counter() - started_s,
            "prompt_tokens": usage.prompt_tokens,
            "output_tokens": usage.output_tokens,
        }

    return ask


def _json_words(reply: str, schema: Schema) -> Predicted:
    found = re.search(r"\{.*\}", reply, re.S)
    try:
        data = json.loads(found.group()) if found else {}
    except ValueError:
        data = {}
    return {spec.name: _strings(data.get(spec.name)) for spec in schema.fields}


def _strings(value: object) -> list[str]:
    parts = value if isinstance(value, list) else [value]
    plain = [next(iter(p.values()), None) if isinstance(p, Mapping) else p for p in parts]
    return [str(part) for part in plain if part not in (None, "")]


def _langextract(workbench: Workbench, schema: Schema, shot: Labelled) -> Peer:
    import langextract as lx

    endpoint = find(workbench.config.models, dict(os.environ))
    example = lx.data.ExampleData(
        text=shot.text,
        extractions=[
            lx.data.Extraction(extraction_class=name, extraction_text=wordings[0])
            for name, values in shot.gold.items()
            for wordings in values
        ],
    )
    parameters: dict[str, Any] = {"timeout": 600, "num_ctx": NUM_CTX}
    if endpoint.key:
        parameters |= {"api_key": endpoint.key}

    def ask(text: str) -> tuple[Predicted, dict[str, float]]:
        started_s = time.perf_counter()
        found: Predicted = {spec.name: [] for spec in schema.fields}
        failed = 0.0
        try:
            result = lx.extract(
                text_or_documents=text,
                prompt_description="Extract these fields, in exact words of the text.\n"
                f"{described(schema.fields)}",
                examples=[example],
                model_id=workbench.models.resolve(workbench.config.models.chat),
                model_url=endpoint.address,
                language_model_params=parameters,
                fence_output=False,
                use_schema_constraints=True,
                show_progress=False,
            )
            for part in result.extractions or []:
                if part.extraction_class in found and part.extraction_text:
                    found[part.extraction_class].append(str(part.extraction_text))
        except Exception:  # noqa: BLE001 - whatever a peer raises is a failure of the peer
            failed = 1.0
        singles = {s.name for s in schema.fields if s.type is not FieldType.LIST}
        # Of several answers for a field that has one value, the first is its answer.
        kept = {name: v[:1] if name in singles else v for name, v in found.items()}
        return kept, {"seconds": time.perf_counter() - started_s, "failed": failed}

    return ask
