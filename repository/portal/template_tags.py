"""Tags and filters of the portal's templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from repository.fetching.addresses import masked
from repository.models import Job, Product
from repository.models.job import JobState
from repository.portal import locator, words
from repository.portal.answer_forms import option_facts
from repository.portal.job_facts import may_retry

register = template.Library()
register.filter("number", words.number)
register.filter("size", words.size)
register.filter("day", words.day)
register.filter("masked", masked)
register.filter("may_retry", may_retry)
register.filter("option_facts", option_facts)
register.filter("place_words", locator.sentence)
register.simple_tag(locator.svg, name="place_map")

JOB_LOOKS = {
    JobState.QUEUED: ("clock", "muted"),
    JobState.INSPECTING: ("scan-search", "accent"),
    JobState.CONVERTING: ("layers", "accent"),
    JobState.STORING: ("hard-drive", "accent"),
    JobState.NEEDS_INPUT: ("circle-alert", "warn"),
    JobState.PUBLISHED: ("circle-check", "ok"),
    JobState.REJECTED: ("circle-x", "danger"),
    JobState.FAILED: ("triangle-alert", "danger"),
    JobState.CANCELLED: ("ban", "muted"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of the sprite; it always stands beside a word, so readers of the page skip it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" width="16" height="16"><use href="{}#{}"/></svg>',
        static("icons.svg"),
        name,
    )


@register.simple_tag
def job_status(job: Job) -> SafeString:
    """Icon, word and colour of a job's state."""
    name, colour = JOB_LOOKS[JobState(job.state)]
    return format_html(
        '<span class="status status-{}">{} {}</span>', colour, icon(name), job_word(job)
    )


@register.filter
def job_word(job: Job) -> str:
    """The state as a word."""
    return str(JobState(job.state).label)


@register.filter
def spelled(text: str) -> SafeString:
    """A sentence whose `commands` stand between backticks, those set as code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:  # one backtick is left over: it is no more than a sign
        return format_html("{}", text)
    looks = ("{}", "<code>{}</code>")
    shown = (format_html(looks[index % 2], part) for index, part in enumerate(parts))
    return format_html_join("", "{}", ((part,) for part in shown))


@register.filter
def percent(share: float) -> int:
    """0.374 as 37."""
    return int(share * 100)


@register.filter
def taken(product: Product) -> str:
    """When the product was taken."""
    return words.period(product.start, product.end)


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: str) -> str:
    """This address's query string with some fields changed; an empty value leaves the field out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    text = query.urlencode()
    return f"?{text}" if text else context["request"].path
