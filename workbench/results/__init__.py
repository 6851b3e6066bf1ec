"""What the verbs return: frozen results that render themselves and convert to DataFrames."""

from workbench.results.activity import Activity
from workbench.results.answer import ABSTENTION, Answer, PastAnswer
from workbench.results.audit import AuditCheck
from workbench.results.corpus_map import CorpusMap
from workbench.results.extraction import Extraction, ExtractionEstimate
from workbench.results.hit_batch import HitBatch
from workbench.results.hits import Hits
from workbench.results.ingest import IngestItem, IngestReport, ItemStatus
from workbench.results.masking import MaskingPreview, MaskingReport
from workbench.results.metrics import ActionMetrics, Metrics
from workbench.results.migration import MigrationReport, MovedVectors
from workbench.results.summary import Sentence, Summary, SummaryProgress
from workbench.results.table import Table
from workbench.results.themes import Themes
from workbench.results.vault import ForgetReport, Revealed
from workbench.results.versions import DocumentChange, VersionDiff

__all__ = [
    "ABSTENTION",
    "ActionMetrics",
    "Activity",
    "Answer",
    "AuditCheck",
    "CorpusMap",
    "DocumentChange",
    "Extraction",
    "ExtractionEstimate",
    "ForgetReport",
    "HitBatch",
    "Hits",
    "IngestItem",
    "IngestReport",
    "ItemStatus",
    "MaskingPreview",
    "MaskingReport",
    "Metrics",
    "MigrationReport",
    "MovedVectors",
    "PastAnswer",
    "Revealed",
    "Sentence",
    "Summary",
    "SummaryProgress",
    "Table",
    "Themes",
    "VersionDiff",
]
