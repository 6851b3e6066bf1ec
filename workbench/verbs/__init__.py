"""The session's verbs, one file per group: each opens a run and calls the task that does it."""
