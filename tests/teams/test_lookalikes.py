import pytest

from teams.lookalikes import resembled

pytestmark = pytest.mark.once
OTHERS = ["Otto Operator", "Олег", "Alice Liddell", "bob@example.com"]


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("Otto Operator", "Otto Operator"),
        ("otto operator", "Otto Operator"),
        ("Otto  Operator ", "Otto Operator"),
        ("\N{CYRILLIC CAPITAL LETTER O}tto Operator", "Otto Operator"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER O}tto Operator", "Otto Operator"),
        ("\N{CIRCLED LATIN CAPITAL LETTER O}tto Operator", "Otto Operator"),  # by NFKC alone
        ("Ot\u200bto Operator", "Otto Operator"),  # an invisible space
        *(
            (f"Ot{unseen}to Operator", "Otto Operator")
            for unseen in "\u034f\u115f\u1160\u17b4\u180b\u2800\u3164\ufe0f\uffa0\U000e0100"
        ),
        ("0tto 0perator", "Otto Operator"),
        ("AIice Liddell", "Alice Liddell"),  # a capital I
        ("A1ice Liddell", "Alice Liddell"),
        ("bob@example.com", "bob@example.com"),
        ("Otto Operetta", ""),
        ("Oleg", ""),
        ("", ""),
        ("Vera Viewer", ""),
    ],
)
def test_name_is_compared_by_what_it_looks_like(name: str, like: str) -> None:
    assert resembled(name, OTHERS) == like
