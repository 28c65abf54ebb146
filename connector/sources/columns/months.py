"""Days whose month is a word: `Nov 18, 2026`, `18. März 2026`, `18 de noviembre de 2026`, `18-Nov-26`.

Owns: the names of months and weekdays (Unicode CLDR; English, German, French, Spanish, Italian, Dutch, Portuguese,
Polish), the pattern of such a day and its ISO form. Must not: know times of day, choose a style.

Names are compared without case and accents. No name means two months; `mar` is a month or a Tuesday by its place.
"""

from __future__ import annotations

from connector.sources.text import literal, literals

_NAMES = (
    "jan january januar jän jänner janv janvier ene enero gen gennaio januari janeiro sty stycznia styczeń",
    "feb february februar feber févr fév février febrero febbraio februari fev fevereiro lut lutego luty",
    "mar march mär märz mrz mars marzo mrt maart março marca marzec",
    "apr april avr avril abr abril aprile kwi kwietnia kwiecień",
    "may mai mayo mag maggio mei maio maj maja",
    "jun june juni juin junio giu giugno junho cze czerwca czerwiec",
    "jul july juli juil juillet julio lug luglio julho lip lipca lipiec",
    "aug august août aou agosto ago augustus sie sierpnia sierpień",
    "sep sept september septembre septiembre setiembre set settembre setembro wrz września wrzesień",
    "oct october okt oktober octobre octubre ott ottobre out outubro paź października październik",
    "nov november novembre noviembre novembro lis listopada listopad",
    "dec december dez dezember déc décembre dic diciembre dicembre dezembro gru grudnia grudzień",
)
_DAYS = (
    "mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday "
    "mo montag di dienstag mi mittwoch do donnerstag fr freitag sa samstag sonnabend so sonntag "
    "lun lundi mar mardi mer mercredi jeu jeudi ven vendredi sam samedi dim dimanche "
    "lunes martes mié miércoles jue jueves vie viernes sáb sábado dom domingo "
    "lunedì martedì mercoledì gio giovedì venerdì sab sabato domenica "
    "ma maandag dinsdag wo woensdag donderdag vr vrijdag za zaterdag zo zondag "
    "seg segunda-feira ter terça-feira qua quarta-feira qui quinta-feira sex sexta-feira "
    "pon poniedziałek wt wtorek śr środa czw czwartek pt piątek sob sobota niedz niedziela"
)
_PLAIN = str.maketrans("äáàâãçéèêìíñóôõöüúûńśźż", "aaaaaceeeiinoooouuunszz")
WORDS = {word: number for number, line in enumerate(_NAMES, 1) for word in line.translate(_PLAIN).split()}

_GAP = r"[ \x{a0}\x{202f}]"
_WEEKDAY = rf"(?:(?:{'|'.join(sorted(set(_DAYS.translate(_PLAIN).split()), key=len, reverse=True))})\.?,?{_GAP}+)?"
_MONTH = r"[a-z]{3,12}\.?"
_NUMBER = r"\d{1,2}(?:st|nd|rd|th|er|\.?[oaº°ª]|\.)?"
_OF = rf"(?:{_GAP}(?:of|de|del))?"
_DAY_FIRST = rf"{_NUMBER}{_OF}(?:{_GAP}|-)?{_MONTH}"
_MONTH_FIRST = rf"{_MONTH}{_GAP}{_NUMBER}"
_YEAR = rf"{_OF}(?:(?:,?{_GAP}|-)(?:\d{{4}}|\d{{2}})|\d{{4}})"
_DAY = rf"{_WEEKDAY}(?:{_DAY_FIRST}{_YEAR}|{_MONTH_FIRST},?{_GAP}\d{{4}})"
_YEARLESS = rf"{_DAY_FIRST}|{_MONTH_FIRST}"


def plain(value: str) -> str:
    """SQL: the text in small letters without accents, as the patterns want it."""
    return f"strip_accents(lower({value}))"


def is_day(value: str, clock: str = "") -> str:
    """SQL: whether a text looks like such a day, followed by `clock` (a pattern in small letters)."""
    return f"({has_word(value)} AND regexp_full_match({plain(value)}, {literal(_DAY + clock)}))"


def has_word(value: str) -> str:
    """SQL: whether a text has anything that may be the name of a month; cheap, for texts without one."""
    return rf"regexp_matches({value}, '[A-Za-z](?:[A-Za-z]{{2}}|[^\x00-\x7F])')"


def iso(value: str) -> str:
    """SQL: the day of a text that is_day() as YYYY-M-D, null when the month is none."""
    weekday = literal(rf"^{_WEEKDAY}(\d{{1,2}}\D*[a-z]{{3}}.*|[a-z].*)$")  # what is left has a month: `Mar 18 2026`
    bare = rf"regexp_replace({plain(value)}, {weekday}, '\1')"
    year = rf"regexp_extract({bare}, '\d\D+(\d{{4}}|\d{{2}})', 1)"
    century = f"CASE WHEN strlen({year}) = 4 THEN '' WHEN {year} < '40' THEN '20' ELSE '19' END"
    return f"{century} || {year} || '-' || {_month(bare)} || '-' || {_day(bare)}"


def yearless(value: str) -> str:
    """SQL: a day without a year as M-D, null when it is none."""
    text = plain(value)
    return f"CASE WHEN regexp_full_match({text}, {literal(_YEARLESS)}) THEN {_month(text)} || '-' || {_day(text)} END"


def _month(text: str) -> str:
    place = f"list_position([{literals(WORDS)}], regexp_extract({text}, '[a-z]{{3,}}'))"
    return f"[{', '.join(map(str, WORDS.values()))}][{place}]"


def _day(text: str) -> str:
    return rf"regexp_extract({text}, '\d{{1,2}}')"
