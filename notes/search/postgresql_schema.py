"""What the database itself does for search on PostgreSQL: the SQL of a migration.

A note's row changes with each claim and lease, and each change of an indexed row writes all of its
index entries again. So the words have a table of their own, which a trigger keeps and only a change
of the words touches.
"""

from __future__ import annotations

from typing import Any

from django.core.management import CommandError
from django.db import DatabaseError, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from notes.search.stopwords import STOPWORDS

#: What separates words; the parser of PostgreSQL would make addresses and numbers of some of them.
#: Named one by one, since what a class like [[:punct:]] means depends on the locale.
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§°ºª«»¿¡–—―‘’‚“”„…•·€£¥№→"

#: Endings that the Portuguese stemmer leaves apart, on words without accents: what matches is
#: replaced, in this order. They may make a word that does not exist ("depal"), as long as no two
#: different words meet.
ENDINGS: tuple[tuple[str, str], ...] = (
    (r"\m((?:ma)?mae)s\M", r"\1"),
    (r"\mirmas\M", "irma"),
    (r"(\w)(?:oes|aos|aes)\M", r"\1ao"),  # reuniões, mãos, pães
    (r"acao\M", "ação"),  # with its accents the stemmer knows it: ligação is of ligar
    (r"(\w{3})ais\M", r"\1al"),  # animais; not mais, pais
    (r"(\w[bcgtx])il\M", r"\1el"),  # fácil as fáceis below
    (r"(\w{2})eis\M", r"\1el"),  # hotéis, úteis; not seis, leis
    (r"\m(?!depois\M|herois\M)(\w{3,})ois\M", r"\1ol"),  # lençóis
    (r"\mazuis\M", "azul"),
    (r"(\w{2}[fr])is\M", r"\1il"),  # perfis
    (r"([eoiu])ns\M", r"\1m"),  # homens, jardins
    (r"(\w{2}g)u(ei|e|em|emos)\M", r"\1\2"),  # paguei, liguem
    (r"(\w{2})qu(ei|e|em|emos)\M", r"\1c\2"),  # fiquei, toquem
    (r"\m(?:fiz|fez|fizemos|fizeram|fizer|feit[oa]s?|fac[oa]|facam|fazia|fara|faria)\M", "fazer"),
    (r"\m(?:diss(?:e|emos|eram)|digo|dit[oa]s?|diga|dira)\M", "dizer"),
    (r"\m(?:troux(?:e|emos|eram)|trago|traga)\M", "trazer"),
)

_ASK_A_SUPERUSER = (
    "Search needs PostgreSQL's extension 'unaccent', and this user may not create it"
    " (or the server does not have it; on Debian it is in postgresql-contrib)."
    ' As a superuser run CREATE EXTENSION unaccent; in the database "{database}", then start again.'
    " Nothing was changed."
)


def create(editor: BaseDatabaseSchemaEditor) -> None:
    """Make functions, table, index and triggers, and fill the table from the notes there are.

    Raises:
      CommandError: ``unaccent`` is missing and may not be created.
    """
    with editor.connection.cursor() as cursor:
        names = {"unaccent": _unaccent(editor, cursor), "schema": _schema(cursor)}
        cursor.execute(_functions(**names))
        cursor.execute(TABLE)
        cursor.execute(FILL)
        cursor.execute(INDEXES)


def drop(editor: BaseDatabaseSchemaEditor) -> None:
    """Undo :func:`create`; the extension stays, others may use it."""
    with editor.connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE notes_search;"
            "DROP FUNCTION notes_search_keep() CASCADE;"
            "DROP FUNCTION notes_search_truncate() CASCADE;"
            "DROP FUNCTION notes_search_entry(text, text, integer);"
            "DROP FUNCTION notes_search_vector(text, text, integer);"
            "DROP FUNCTION notes_search_term(text);"
            "DROP FUNCTION notes_search_portuguese(text);"
            "DROP FUNCTION notes_search_plain(text);"
        )


def _unaccent(editor: BaseDatabaseSchemaEditor, cursor: Any) -> str:
    """The quoted schema of the extension, made if it is not there."""
    find = (
        "SELECT quote_ident(nspname) FROM pg_extension e"
        " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'unaccent'"
    )
    cursor.execute(find)
    if (found := cursor.fetchone()) is None:
        try:
            with transaction.atomic(editor.connection.alias):
                cursor.execute("CREATE EXTENSION unaccent")
        except DatabaseError as fault:
            database = editor.connection.settings_dict["NAME"]
            raise CommandError(_ASK_A_SUPERUSER.format(database=database)) from fault
        cursor.execute(find)
        found = cursor.fetchone()
    return str(found[0])


def _schema(cursor: Any) -> str:
    cursor.execute("SELECT quote_ident(current_schema())")
    return str(cursor.fetchone()[0])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _portuguese(expression: str) -> str:
    for ending, instead in ENDINGS:
        expression = (
            f"pg_catalog.regexp_replace({expression}, {_literal(ending)}, {_literal(instead)}, 'g')"
        )
    return expression


def _functions(unaccent: str, schema: str) -> str:
    spaces = _literal(" " * len(PUNCTUATION))
    stopwords = _literal("{" + ",".join(sorted(STOPWORDS)) + "}") + "::text[]"
    return f"""
-- Words without case, accents and punctuation. Names are qualified, so that neither a caller's
-- search_path nor a restore changes what it does; with its dictionary named, unaccent depends on
-- nothing else and may be called immutable.
CREATE FUNCTION notes_search_plain(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT pg_catalog.translate(
    pg_catalog.lower({unaccent}.unaccent('{unaccent}.unaccent', pg_catalog.normalize($1))),
    {_literal(PUNCTUATION)}, {spaces})
$$;

CREATE FUNCTION notes_search_portuguese(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT {_portuguese("$1")}
$$;

-- What a note can be found by: the stems of its language with their places, and the words as they
-- are, for prefixes. Each has its owner before it ('7/pao'), so that a search reads an index of the
-- owner's own, however many others there are; '@7' is in all notes of the owner. No word has a
-- slash, an at sign or a quote: they were punctuation.
CREATE FUNCTION notes_search_vector(transcript text, language text, owner integer)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.array_to_tsvector(ARRAY['@' || owner]) || pg_catalog.regexp_replace((
      CASE WHEN language LIKE 'en%'
      THEN pg_catalog.to_tsvector('pg_catalog.english', plain)
      ELSE pg_catalog.to_tsvector('pg_catalog.portuguese',
                                  {schema}.notes_search_portuguese(plain)) END
      || pg_catalog.ts_delete(
           pg_catalog.strip(pg_catalog.to_tsvector('pg_catalog.simple', plain)), {stopwords})
    )::text, '''([^'']+)''', '''' || owner || '/\\1''', 'g')::tsvector
  FROM {schema}.notes_search_plain(transcript) AS plain
$$;

-- A word or phrase of a query, in both languages.
CREATE FUNCTION notes_search_term(text) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT pg_catalog.phraseto_tsquery('pg_catalog.portuguese',
                                     {schema}.notes_search_portuguese(plain))
    || pg_catalog.phraseto_tsquery('pg_catalog.english', plain)
  FROM {schema}.notes_search_plain($1) AS plain
$$;

-- A vector has room for a megabyte, and a word in it for two kilobytes. Of a text that has more
-- (it takes some 100,000 different words, or one of 2,000 letters) the beginning is found: a note
-- is never refused for its index.
CREATE FUNCTION notes_search_entry(transcript text, language text, owner integer)
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE SET search_path = {schema}, pg_catalog AS $$
BEGIN
  RETURN notes_search_vector(transcript, language, owner);
EXCEPTION WHEN program_limit_exceeded THEN
  RETURN notes_search_vector(
    regexp_replace(left(transcript, 20000), '\\S{{250,}}', ' ', 'g'), language, owner);
END $$;

CREATE FUNCTION notes_search_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = {schema}, pg_catalog AS $$
BEGIN
  IF TG_OP = 'DELETE' OR NEW.transcript = '' THEN
    DELETE FROM notes_search WHERE note_id = OLD.id;
    RETURN NULL;
  END IF;
  INSERT INTO notes_search (note_id, owner_id, created_at, words)
  VALUES (NEW.id, NEW.owner_id, NEW.created_at,
          notes_search_entry(NEW.transcript, NEW.language, NEW.owner_id))
  ON CONFLICT (note_id) DO UPDATE SET
    owner_id = excluded.owner_id, created_at = excluded.created_at, words = excluded.words;
  RETURN NULL;
END $$;

CREATE FUNCTION notes_search_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = {schema}, pg_catalog AS $$
BEGIN
  TRUNCATE notes_search;
  RETURN NULL;
END $$;

CREATE TRIGGER notes_search_insert AFTER INSERT ON notes_note
  FOR EACH ROW WHEN (NEW.transcript <> '') EXECUTE FUNCTION notes_search_keep();
CREATE TRIGGER notes_search_update
  AFTER UPDATE OF transcript, language, owner_id, created_at ON notes_note
  FOR EACH ROW WHEN (
    (OLD.transcript, OLD.language, OLD.owner_id, OLD.created_at)
    IS DISTINCT FROM (NEW.transcript, NEW.language, NEW.owner_id, NEW.created_at))
  EXECUTE FUNCTION notes_search_keep();
CREATE TRIGGER notes_search_delete AFTER DELETE ON notes_note
  FOR EACH ROW EXECUTE FUNCTION notes_search_keep();
CREATE TRIGGER notes_search_truncate AFTER TRUNCATE ON notes_note
  FOR EACH STATEMENT EXECUTE FUNCTION notes_search_truncate();
"""  # noqa: S608  # nosec B608: constants, and the schema's name from the catalogue


# No foreign key: the triggers are one already, and Django, which does not know this table, could
# not truncate the one it points to.
TABLE = """
CREATE TABLE notes_search (
  note_id uuid PRIMARY KEY,
  owner_id integer NOT NULL,
  created_at timestamptz NOT NULL,
  words tsvector NOT NULL
);
"""

FILL = """
INSERT INTO notes_search (note_id, owner_id, created_at, words)
SELECT id, owner_id, created_at, notes_search_entry(transcript, language, owner_id)
FROM notes_note WHERE transcript <> '';
"""

# Without a pending list: a search would read all of it, each time.
INDEXES = """
CREATE INDEX notes_search_words ON notes_search USING gin (words) WITH (fastupdate = off);
CREATE INDEX notes_search_newest ON notes_search (owner_id, created_at, note_id);
"""
