"""Scripts are read as people and addons write them; what is wrong is told by row and field."""

import json
from pathlib import Path

import pytest

from sidecar.baking.script import read_script
from sidecar.protocol.errors import BadRequest, StorageError
from tests.baking.scripts import script_of, table_of


def test_a_spreadsheet_is_read_with_its_rows_numbers(tmp_path: Path):
    text = 'id,speaker,text,speed,notes\na-1,alto,"Two\nrows, one cell.",1.5,mine\n\na-2,bass,Hm.,,\n'
    script = read_script(table_of(tmp_path, "\ufeff" + text))
    assert [(row.number, row.id, row.cells) for row in script.rows] == [
        (2, "a-1", {"id": "a-1", "speaker": "alto", "text": "Two\nrows, one cell.", "speed": "1.5"}),
        (4, "a-2", {"id": "a-2", "speaker": "bass", "text": "Hm."}),
    ]
    assert script.unread == ("notes",) and not script.failures


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.csv", "id;text\na;Hm, well.\n"),
        ("s.tsv", "id\ttext\na\tHm, well.\n"),
        ("s.csv", 'id,text\na,"Hm, well."\n'),
    ],
)
def test_what_cuts_columns_is_found_out(tmp_path: Path, name: str, text: str):
    (row,) = read_script(table_of(tmp_path, text, name)).rows
    assert row.cells["text"] == "Hm, well."


def test_utf_16_as_spreadsheets_save_it_is_read(tmp_path: Path):
    path = tmp_path / "s.tsv"
    path.write_bytes("id\ttext\na\t你好。\n".encode("utf-16"))
    assert read_script(path).rows[0].cells["text"] == "你好。"


def test_lines_of_json_keep_their_types(tmp_path: Path):
    script = read_script(
        script_of(tmp_path, [{"id": 7, "text": "Hm.", "emotion": {"sad": 0.5}, "seed": None}])
    )
    assert script.rows[0].id == "7" and script.rows[0].cells["emotion"] == {"sad": 0.5}
    assert "seed" not in script.rows[0].cells


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("s.txt", "", "use .csv, .tsv, .jsonl"),
        ("s.csv", "", "empty"),
        ("s.csv", "id,text\n", "no lines"),
        ("s.csv", "name,text\na,Hm.\n", "no column 'id'"),
        ("s.csv", "id,words\na,Hm.\n", "no column 'text'"),
        ("s.csv", "id,text,emotoin\na,Hm.,sad\n", "did you mean 'emotion'"),
        ("s.csv", "id,text,Sample Rate\na,Hm.,8000\n", "did you mean 'sample_rate'"),
        ("s.csv", "id,text,text\na,Hm.,Hm.\n", "two columns 'text'"),
        ("s.csv", 'id,text\na,"Hm.\n', "row 2"),
        ("s.csv", "keys,en\nA,Hm.\n", "'_character'"),
    ],
)
def test_a_file_that_is_no_script_says_why(tmp_path: Path, name: str, text: str, words: str):
    with pytest.raises(BadRequest) as refused:
        read_script(table_of(tmp_path, text, name))
    assert words in refused.value.message


def test_a_file_in_another_code_page_says_how_to_save_it(tmp_path: Path):
    path = tmp_path / "s.csv"
    path.write_bytes("id,text\na,Café.\n".encode("cp1252"))
    with pytest.raises(BadRequest) as refused:
        read_script(path)
    assert "UTF-8" in refused.value.message and "CSV UTF-8" in refused.value.tip
    with pytest.raises(StorageError):
        read_script(tmp_path / "absent.csv")


def test_a_row_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path):
    text = "id,text\n,Who am I?\nb,Fine.\nc,So, well.\nd,\n"
    script = read_script(table_of(tmp_path, text))
    assert [row.id for row in script.rows] == ["b"]
    assert [(failure.row, failure.id) for failure in script.failures] == [(2, ""), (4, "c"), (5, "d")]
    assert "quotation mark" in script.failures[1].message and script.failures[2].field == "text"
    path = tmp_path / "s.jsonl"
    path.write_text('{"id": "a", "text": "Hm."}\n{"id": \n[1]\n', "utf-8")
    read = read_script(path)
    assert len(read.rows) == 1 and [failure.row for failure in read.failures] == [2, 3]


def test_a_row_with_too_few_cells_is_read_and_told(tmp_path: Path):
    script = read_script(table_of(tmp_path, "id,text,speed,notes\na,Hm.\nb,Hm.,,\nc\n"))
    assert [row.id for row in script.rows] == ["a", "b"] and [f.row for f in script.failures] == [4]
    assert [str(note) for note in script.notes] == [
        "row 2 (a): 2 cells under 4 columns: taken for empty are speed, notes"
    ]


def test_yarns_strings_are_read(tmp_path: Path):
    head = "language,id,text,file,node,lineNumber,lock,comment\n"
    rows = (
        'en,line:0e3dc4b,"Player: Can [wave]you[/wave] hear me?",A.yarn,Start,6,ab,'
        "Line metadata: emotion:sad last\n"
        'en,line:04e806e,"I have {0} coins.",A.yarn,Start,8,ab,\n'
        'en,line:04e806f,"No: one, really.\\: odd",A.yarn,Start,9,ab,\n'
    )
    script = read_script(table_of(tmp_path, head + rows))
    first = script.rows[0]
    assert (first.id, first.file) == ("line:0e3dc4b", "0e3dc4b")
    assert first.cells == {
        "id": "line:0e3dc4b", "character": "Player", "text": "Can [wave]you[/wave] hear me?", "emotion": "sad"
    }  # fmt: skip
    assert [(failure.row, failure.field) for failure in script.failures] == [(3, "text")]
    old = 'id;text;file;node;lineNumber\nline:0967160;"NPC: Loud and clear. ";V;Start;7\n'
    assert read_script(table_of(tmp_path, old)).rows[0].cells["text"] == "Loud and clear."


def test_dialogue_managers_translations_are_read(tmp_path: Path):
    text = (
        "keys,en,_character,_notes\nHI,[b]Hi![/b] I'm Nathan.,Nathan,softly\n"
        "Bye now.,Bye now.,Nathan,\nASK,Who are you?,(response),\n"
    )
    script = read_script(table_of(tmp_path, text))
    (row,) = script.rows
    assert row.cells == {"id": "HI", "character": "Nathan", "text": "[b]Hi![/b] I'm Nathan."}
    assert [(f.row, f.field) for f in script.failures] == [(3, "id")] and "Generate line IDs" in str(
        script.failures[0]
    )


def test_a_failure_is_told_by_row_and_id(tmp_path: Path):
    script = read_script(table_of(tmp_path, "id,text\nd,\n"))
    assert str(script.failures[0]) == "row 2 (d): text is empty"
    assert json.dumps(vars(script.failures[0]))
