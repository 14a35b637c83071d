"""Files cut into records and read as facts, wherever the pieces end in which they come."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.records import CSV, JSON_LINES, Record, Records, Rows, json_line
from app.errors import InvalidInput
from app.services.intake import Fault

MOST = 1_000
JSON = b'\xef\xbb\xbf{"statement": "Olms are blind."}\r\n\n  \n{"question": "Who?",\n"answer": "\xc3\xa9"}'
ROWS = b'statement,question,answer,phrasings,phrasings\nOlms.,,,,\n\n,"Who,\nand ""why""?",Ada,So?,And?\r\n'
ROWS += b",Who?,\xc3\xa9,,"


def cut(kind: str, *pieces: bytes, most: int = MOST) -> list[Record]:
    records = Records(kind, most)
    return [*(one for piece in pieces for one in records.feed(piece)), *records.end()]


def fact_of(record: Record):
    return json_line(record, MOST).fact


@given(st.lists(st.integers(0, len(ROWS)), max_size=6))
def test_where_the_pieces_end_makes_no_difference(ends: list[int]):
    for kind, whole, most in product((JSON_LINES, CSV), (JSON, ROWS), (12, 25, MOST)):
        places = [0, *sorted(min(end, len(whole)) for end in ends), len(whole)]
        pieces = [whole[begin:end] for begin, end in pairwise(places)]
        assert cut(kind, *pieces, most=most) == cut(kind, whole, most=most)


def test_lines_of_json_are_facts_under_their_numbers():
    records = cut(JSON_LINES, JSON)
    assert [record.line for record in records] == [1, 4, 5]
    assert fact_of(records[0]).statement == "Olms are blind."
    assert fact_of(records[1]) == Fault("", "the line is no JSON that can be read at character 21")


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        (b'{"statement": 3}', "statement", "a text is needed; got 3"),
        (b'{"question": "Who?", "answers": "Ada"}', "answers", "there is no such field; got 'Ada'"),
        (b'{"phrasings": ["a", 4]}', "phrasings[1]", "a text is needed; got 4"),
        (b"[]", "", "a JSON object is needed; got []"),
        (b'{"statement": "\\ud800"}', "", "half a surrogate pair is no text"),
        (b'{"\\ud800": 1}', "", "half a surrogate pair is no text"),
        (b'{"statement": "\xff"}', "", "it is no UTF-8: byte 0xff at 16"),
        (b"[" * 900, "", "the line is no JSON that can be read at character 901"),
        (
            b'{"valid_from": "soon"}',
            "valid_from",
            "a date or time as in ISO 8601 is needed, such as 2026-11-22T10:00:00Z",
        ),
    ],
)
def test_a_line_that_is_no_fact_names_field_value_and_what_is_needed(line: bytes, field: str, message: str):
    (record,) = cut(JSON_LINES, line)
    found = fact_of(record)
    assert (found.field, found.message.split("; got 's")[0]) == (field, message)


def test_rows_are_facts_of_the_fields_that_the_header_names():
    header, *records = cut(CSV, ROWS)
    rows = Rows(header, MOST)
    first, second, third = (rows.line(record) for record in records)
    assert [first.number, second.number, third.number] == [2, 4, 6]
    assert (first.fact.statement, first.fact.question, first.fact.phrasings) == ("Olms.", None, ())
    assert (second.fact.question, second.fact.phrasings) == ('Who,\nand "why"?', ("So?", "And?"))
    assert (third.fact.answer, third.fact.statement) == ("é", None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"a,b,c", "3 cells; the header has 2"),
        (b'"a"b,c', "it is no row of CSV: a quote within a cell, or over 131,072 characters"),
    ],
)
def test_a_row_that_is_none_is_told(row: bytes, message: str):
    header, record = cut(CSV, b"question,answer\n" + row)
    assert Rows(header, MOST).line(record).fact == Fault("", message)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"question,reply", "the header names 'reply'; the fields are statement, question"),
        (b"answer,answer", "names answer twice"),
        (b"\xff", "no UTF-8"),
    ],
)
def test_a_header_that_names_no_fields_is_refused(header: bytes, said: str):
    with pytest.raises(InvalidInput, match=f"line 1: .*{said}"):
        Rows(*cut(CSV, header), MOST)


def test_a_record_beyond_the_limit_is_not_kept_and_the_next_ones_are_read():
    pieces = [b"x" * 700 for _ in range(100)]
    records = Records(JSON_LINES, MOST)
    assert [one for piece in pieces for one in records.feed(piece)] == []
    assert len(records._rest) <= MOST
    assert [*records.feed(b"\n{}\n")] == [Record(1, None), Record(2, b"{}")]
    assert "longer than 1,000 bytes" in fact_of(Record(1, None)).message
    open_quote = cut(CSV, b'question\n"a\n' + b"b\n" * 600 + b"c\nd\n", most=MOST)
    assert open_quote[1] == Record(2, None)
    assert open_quote[-1].text == b"d"
