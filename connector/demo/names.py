"""What the invented people are called and where they live.

Owns: the words. Must not: choose among them.
"""

FIRST = (
    "Anna", "Ben", "Çelik", "Dana", "Émile", "Fatima", "Georg", "Hana", "Igor", "Jürgen",
    "Kim", "Luca", "Mia", "Noah", "Olga", "Paul", "Quinn", "Rosa", "Søren", "Tara",
)  # fmt: skip
LAST = (
    "Adler", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jansen",
    "Keller", "López", "Müller", "Novák", "O'Neill", "Peters", "Rossi", "Şahin", "Tanaka", "Weiß",
)  # fmt: skip
PLAIN = str.maketrans("ÇÉüøóñáíŞßö'", "CEuoonaiSso-")  # for addresses
COUNTRIES = {  # code: as people and forms spell it
    "DE": ["Germany", "germany", "DE", " Germany ", "DEU"],
    "US": ["United States", "USA", "US", "united states"],
    "FR": ["France", "FR"],
    "GB": ["United Kingdom", "GB"],
    "NO": ["Norway", "NO"],
    "CA": ["Canada", "CA"],
}
CITIES = {"DE": "Berlin", "US": "Boston", "FR": "Lyon", "GB": "Leeds", "NO": "Oslo", "CA": "Toronto"}
