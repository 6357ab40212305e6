"""Tokens, revocations, courses and enrolments, as they are sent and answered."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, IPvAnyAddress, field_validator, model_validator

from vodflow.api.models.common import Answer, Asked
from vodflow.api.parameters import LARGEST_ID, ShortText, TenantName

VideoId = Annotated[int, Field(ge=1, le=LARGEST_ID)]

#: Enrolments, and videos, that one request may carry.
MOST = 10_000


class TokenRequest(Asked):
    """Who wants to watch what."""

    video_id: VideoId
    user_id: ShortText = Field(description="as the learning platform calls the person")
    course: ShortText | None = Field(default=None, description="code of the course in which they watch")
    ttl: int | None = Field(default=None, ge=30, description="seconds for which it shall hold")
    address: IPvAnyAddress | None = Field(default=None, description="network address from which alone it may be used")


class PlaybackUrls(Answer):
    """Where players find the video. What it has not is null."""

    player: str = Field(description="a page that plays it")
    hls: str | None
    dash: str | None
    mp4: list[str]
    poster: str | None
    manifest: str = Field(description="manifest.json: everything that there is to know")


class PlaybackToken(Answer):
    """A token, and addresses with it."""

    token: str
    expires_at: datetime
    video_id: int
    user_id: str
    urls: PlaybackUrls


class AccessToken(PlaybackToken):
    """The same, as the specification's clients look for it."""

    access_token: str


class RevocationRequest(Asked):
    """Whose tokens are void from now on: a video's, a person's, or a person's for a video."""

    video_id: VideoId | None = None
    user_id: ShortText | None = None
    tenant: TenantName | None = Field(default=None, description="of the person, for callers who are of no tenant")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.video_id is None and self.user_id is None:
            raise ValueError("name video_id, user_id, or both")
        return self


class RevocationAnswer(Answer):
    """Tokens that are void though they have not run out."""

    id: int
    tenant: str
    video_id: int | None
    user_id: str | None
    issued_before: datetime
    expires_at: datetime = Field(description="when the last of them has run out by itself")
    created_by: str
    created_at: datetime


class CourseRequest(Asked):
    """A new course."""

    code: ShortText = Field(description="what the learning platform calls it; unique within the tenant")
    title: str = Field(default="", max_length=255)
    active: bool = Field(default=True, description="whether learners may watch its videos")
    tenant: TenantName | None = Field(default=None, description="whose it is, for callers who are of no tenant")


class CourseChange(Asked):
    """What of a course is to change; what is not named stays."""

    title: str | None = Field(default=None, max_length=255)
    active: bool | None = None


class CourseAnswer(Answer):
    """A course."""

    id: int
    tenant: str
    code: str
    title: str
    active: bool
    created_at: datetime


class EnrolmentAnswer(Answer):
    """Somebody who takes part in a course."""

    user_id: str
    role: Literal["learner", "teacher"]
    starts_at: datetime | None
    ends_at: datetime | None


class EnrolmentChange(Asked):
    """As what, and when, somebody takes part."""

    role: Literal["learner", "teacher"] = "learner"
    starts_at: AwareDatetime | None = Field(default=None, description="none means at once")
    ends_at: AwareDatetime | None = Field(default=None, description="none means never")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class EnrolmentRequest(EnrolmentChange):
    """Somebody who takes part, in a list of all who do."""

    user_id: ShortText


class EnrolmentList(Asked):
    """All who take part in a course."""

    enrolments: list[EnrolmentRequest] = Field(max_length=MOST)

    @field_validator("enrolments")
    @classmethod
    def _once_each(cls, listed: list[EnrolmentRequest]) -> list[EnrolmentRequest]:
        twice = [name for name, times in Counter(item.user_id for item in listed).items() if times > 1]
        if twice:
            raise ValueError(f"{twice[0]} is listed twice")
        return listed


class VideoList(Asked):
    """All videos of a course."""

    videos: list[VideoId] = Field(max_length=MOST)


class VideoInCourse(Answer):
    """A video of a course."""

    video_id: int


class Changed(Answer):
    """How many there are now, and how many were taken away."""

    listed: int
    removed: int
