"""Tables that many people want, to start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEMPLATES: Mapping[str, Mapping[str, Any]] = {
    "Invoices": {
        "invoice_number": {"description": "number of this invoice", "required": True},
        "invoice_date": {"type": "date", "description": "day of issue", "required": True},
        "due_date": {"type": "date", "description": "day by which it is to be paid"},
        "seller": {"description": "company that sends the invoice", "required": True},
        "buyer": {"description": "company or person who is to pay"},
        "net_total": {"type": "money", "description": "total before tax"},
        "tax": {"type": "money", "description": "amount of tax, VAT or GST"},
        "total": {"type": "money", "description": "total to pay, with tax", "required": True},
    },
    "Receipts": {
        "company": {"description": "name of the shop that issued the receipt", "required": True},
        "date": {"type": "date", "description": "date of the receipt", "required": True},
        "address": {"description": "address of the shop"},
        "total": {"type": "money", "description": "final total amount to pay", "required": True},
    },
    "Contracts": {
        "title": {"description": "title or kind of the contract", "required": True},
        "parties": {
            "type": "list",
            "items": {"type": "text"},
            "description": "each company or person who signs",
        },
        "effective_date": {"type": "date", "description": "day from which it holds"},
        "end_date": {"type": "date", "description": "day on which it ends"},
        "notice_period": {"description": "how long before the end notice is given"},
        "governing_law": {"description": "state or country whose law applies"},
        "renews_automatically": {"type": "boolean", "description": "whether it renews by itself"},
    },
    "CVs": {
        "name": {"description": "name of the person", "required": True},
        "job_title": {"description": "present or last job title"},
        "employer": {"description": "present or last employer"},
        "degree": {"description": "highest degree and where it was earned"},
        "skills": {
            "type": "list",
            "items": {"type": "text"},
            "description": "each skill that is named",
        },
    },
}
"""Fields by name, as a schema's definition holds them, under the title of the table."""
