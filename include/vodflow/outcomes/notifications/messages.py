"""One event in the words of each kind of channel. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from vodflow.catalog.event_document import shortened

#: What a person sees first.
_TITLES: Final = {
    "video.published": "Published",
    "video.failed": "Failed",
    "video.rejected": "Rejected",
    "video.canceled": "Canceled",
    "video.unreadable": "Unreadable",
    "hold.held": "Held",
    "hold.resumed": "Goes on",
    "report.reported": "Report",
}
_ICONS: Final = {
    "video.published": ":white_check_mark:",
    "video.failed": ":x:",
    "video.rejected": ":no_entry:",
    "video.canceled": ":black_square_for_stop:",
    "video.unreadable": ":hourglass:",
    "hold.held": ":warning:",
    "hold.resumed": ":arrow_forward:",
    "report.reported": ":bar_chart:",
}

#: Slack cuts a section's text at 3,000 characters (Slack's reference, "Section block").
_SECTION: Final = 2900
#: SNS takes up to 100 characters of subject, ASCII, no line breaks (API reference, "Publish").
_SUBJECT: Final = 100


def body(document: dict[str, Any]) -> bytes:
    """The document as the bytes that are sent and signed, the same each time."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def slack(document: dict[str, Any]) -> dict[str, Any]:
    """The message for a Slack incoming webhook: a line of text for lists and screen readers, and a section."""
    tenant = f" ({_escape(document['tenant'])})" if document["tenant"] else ""
    line = f"{_title(document)}: {_escape(_name(document))}{tenant}"
    details = "\n".join(f"*{_escape(name)}* {value}" for name, value in _facts(document))
    text = f"{_ICONS.get(document['type'], '')} *{line}*\n{details}"
    return {
        "text": line,
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text[:_SECTION]}}],
        "unfurl_links": False,
    }


def sns(document: dict[str, Any], *, fifo: bool) -> dict[str, Any]:
    """Arguments of SNS Publish, without the topic; type and tenant are message attributes to filter by.

    :param fifo: whether the topic keeps an order: that of one video's events
    """
    subject = f"{_title(document)}: {_name(document)}".encode("ascii", "replace").decode()
    arguments: dict[str, Any] = {
        "Subject": "".join(character if character.isprintable() else " " for character in subject)[:_SUBJECT],
        "Message": body(document).decode(),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": str(document[name])}
            for name in ("type", "tenant")
            if document[name]
        },
    }
    if fifo:
        video = document["video"]
        arguments["MessageGroupId"] = f"video-{video['id']}" if video else "holds"
        arguments["MessageDeduplicationId"] = hashlib.sha256(document["id"].encode()).hexdigest()
    return arguments


def _title(document: dict[str, Any]) -> str:
    return _TITLES.get(document["type"]) or str(document["type"])


def _name(document: dict[str, Any]) -> str:
    if hold := document.get("hold"):
        machine = f" of {hold['machine']}" if hold["machine"] else ""
        return f"every video that needs {hold['cause']}{machine}"
    if report := document.get("report"):
        first, last = report["first"], report["last"]
        return f"transcoding, {last}" if first == last else f"transcoding, {first} to {last}"
    key = str(document["video"]["key"])
    return key.rpartition("/")[2] or key


def _facts(document: dict[str, Any]) -> list[tuple[str, str]]:
    if hold := document.get("hold"):
        reason = ("Reason", f"{_escape(hold['code'])}: {_escape(hold['message'])}")
        return [reason, ("Since", hold["since"]), ("Seconds", f"{hold['seconds']:.0f}")]
    if report := document.get("report"):
        said = [(f"{number}.", _escape(sentence)) for number, sentence in enumerate(report["sentences"], 1)]
        return [*said, ("Whole", f"`{_code(report['uri'])}`")]
    facts = [("Source", f"`{_code(document['source']['uri'])}`")]
    if job := document.get("job"):
        facts.append(("Job", f"{job['id']}, {_escape(job['profile'])} on {_escape(job['engine'])}"))
    if public := document.get("publication"):
        manifest = public["manifest_url"]
        facts.append(("Manifest", f"<{_link(manifest)}|manifest.json>" if manifest else "needs a playback token"))
        facts.append(("Qualities", _escape(" ".join(public["qualities"]))))
    if refused := document.get("rejection") or document.get("unreadable"):
        facts.append(("Reason", f"{_escape(refused['reason'])}: {_escape(shortened(refused['detail']))}"))
    if error := document.get("error"):
        facts.append(("Error", f"{_escape(str(error['code']))} ({error['class']})\n```{_code(error['message'])}```"))
    return facts


def _escape(text: str) -> str:
    """The three characters that Slack wants escaped (Slack's reference, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    return _escape(text).replace("`", "'")


def _link(url: str) -> str:
    return url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
