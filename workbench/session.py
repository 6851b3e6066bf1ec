"""The Session: all verbs, in the name of one actor."""

from __future__ import annotations

from workbench.verbs.access import AccessVerbs
from workbench.verbs.audit import AuditVerbs
from workbench.verbs.corpus import CorpusVerbs
from workbench.verbs.llama_index import LlamaIndexVerbs
from workbench.verbs.masking import MaskingVerbs
from workbench.verbs.migrate import MigrateVerbs
from workbench.verbs.places import PlaceVerbs
from workbench.verbs.queries import QueryVerbs
from workbench.verbs.reembed import ReembedVerbs
from workbench.verbs.review import ReviewVerbs
from workbench.verbs.summarise import SummariseVerbs
from workbench.verbs.vault import VaultVerbs
from workbench.verbs.versions import VersionVerbs


class Session(
    CorpusVerbs,
    LlamaIndexVerbs,
    PlaceVerbs,
    SummariseVerbs,
    ReviewVerbs,
    ReembedVerbs,
    VersionVerbs,
    AccessVerbs,
    MaskingVerbs,
    MigrateVerbs,
    VaultVerbs,
    QueryVerbs,
    AuditVerbs,
):
    """The verbs of one actor. Each opens a run: decided, budgeted and audited."""
