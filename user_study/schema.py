"""The tables of a study's database, as SQLAlchemy Core sees them; `migrations` makes them.

Text holds JSON where a column says so: the same on SQLite and PostgreSQL. Times are seconds since 1970 (UTC).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
# SQLite counts rows by itself only in a column that is exactly INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")

study = Table(
    "study",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Which study this database belongs to, and its counters."""

raters = Table(
    "raters",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("token", String(64), nullable=False, unique=True),  # SHA-256 of the cookie
    Column("seed", BigInteger, nullable=False),
    Column("stage", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("platform", String(20), nullable=False),
    Column("platform_rater", String(200), nullable=False),
    Column("platform_study", String(200), nullable=False),
    Column("platform_session", String(200), nullable=False),
    Column("consent_version", String(40), nullable=False),
    Column("consent_at", Float, nullable=False),
    Column("device", Text, nullable=False),  # JSON
    Column("check_tries", Integer, nullable=False),
    Column("check_secret", String(20), nullable=False),
    Column("plan", Text, nullable=False),  # JSON list of slots
    Column("position", Integer, nullable=False),
    Column("turn_at", Float, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("finished_at", Float, nullable=False),
    Column("excluded", Text, nullable=False),  # reason why this rater's cells are filled again, empty: counts
    Index("raters_platform", "platform", "platform_rater"),
    Index("raters_seen", "state", "seen_at"),
)

items = Table(
    "items",
    metadata,
    Column("block", String(40), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("pending", Integer, nullable=False),
    Column("done", Integer, nullable=False),
)

trials = Table(
    "trials",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("rater", String(40), ForeignKey("raters.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("block", String(40), nullable=False),
    Column("role", String(10), nullable=False),
    Column("item", Integer, nullable=False),
    Column("stimuli", Text, nullable=False),  # JSON, in the order shown
    Column("repeat_of", Integer),
    Column("known", Integer),
    Column("state", String(10), nullable=False),  # pending, done, released
    Column("done_at", Float, nullable=False),
    UniqueConstraint("rater", "position"),
)

answers = Table(
    "answers",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),  # made by the client: a replay is recognised
    Column("trial", String(40), ForeignKey("trials.id", ondelete="CASCADE"), nullable=False),
    Column("rater", String(40), ForeignKey("raters.id", ondelete="CASCADE"), nullable=False),
    Column("question", String(40), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("answer", String(40), nullable=False),
    Column("value", Float),
    Column("correct", Integer),
    Column("samples", Text, nullable=False),  # JSON [[t, v], ...] of a trace, else empty
    Column("playback", Text, nullable=False),  # JSON
    Column("given_at", Float, nullable=False),
    UniqueConstraint("rater", "id"),
    UniqueConstraint("trial", "question", "attempt"),
)

questionnaire = Table(
    "questionnaire",
    metadata,
    Column("rater", String(40), ForeignKey("raters.id", ondelete="CASCADE"), primary_key=True),
    Column("question", String(40), primary_key=True),
    Column("answer", Text, nullable=False),
)

admin_failures = Table(
    "admin_failures",
    metadata,
    Column("number", Counter, primary_key=True, autoincrement=True),
    Column("address", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Index("admin_failures_at", "at"),
)
