"""`{% lucide %}`, drawn once: the library copies and writes out its drawing each time, an eighth of a page's time."""

from functools import lru_cache

from django import template
from lucide.templatetags.lucide import lucide as draw

register = template.Library()
register.simple_tag(lru_cache(maxsize=256)(draw), name="lucide")
