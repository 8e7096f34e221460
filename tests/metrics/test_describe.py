from __future__ import annotations

import pytest

from metrics.describe import BEGIN, DOCUMENT, END, best, bounds, document, table
from metrics.registry import all_metrics, get_metric


def test_the_document_says_what_the_registry_says() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert document(text) == text, "run: python -m metrics.describe"


def test_every_metric_has_a_row_and_words_are_right() -> None:
    rows = table().splitlines()
    for item in all_metrics():
        assert sum(row.startswith(f"| `{item.spec.name}` |") for row in rows) == 1
    assert (best(get_metric("psnr").spec), bounds(get_metric("psnr").spec)) == ("high", "0 to 100")
    assert (best(get_metric("saturation_index").spec), bounds(get_metric("saturation_index").spec)) == ("1", "0 and up")
    assert best(get_metric("m_lmd").spec) == "low"


def test_a_document_without_its_markers() -> None:
    with pytest.raises(ValueError, match="once each"):
        document("no table here")
    assert document(f"a\n{BEGIN}\nold\n{END}\nb").startswith(f"a\n{BEGIN}\n\n### ")
