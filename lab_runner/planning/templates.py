"""Templates, compiled once and for all: every verb makes a plan, and this was most of its time."""

from __future__ import annotations

import contextlib
import functools
import os

import jinja2
import platformdirs
from jinja2.bccache import Bucket

_environment = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=False,  # noqa: S701 - configuration files, not HTML
)


@functools.lru_cache(maxsize=1024)
def compiled(text: str) -> jinja2.Template:
    """A template, from this user's cache where an earlier run has compiled it.

    Raises:
        jinja2.TemplateSyntaxError: It is none.
    """
    cache = _cache()
    bucket = cache.get_bucket(_environment, text, None, text) if cache else None
    code = bucket.code if bucket else None
    if code is None:
        code = _environment.compile(text)
        if cache and bucket:
            bucket.code = code
            cache.set_bucket(bucket)
    return jinja2.Template.from_code(_environment, code, _environment.make_globals(None))


class _Cache(jinja2.FileSystemBytecodeCache):
    """Best effort: a full or foreign disk costs time, never an answer."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


@functools.cache
def _cache() -> _Cache | None:
    folder = platformdirs.user_cache_path("breakfix") / "templates"
    try:
        # What lies here is run: nobody else may put anything into it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = folder.stat().st_uid == os.getuid()
    except OSError:
        return None
    return _Cache(str(folder)) if mine else None
