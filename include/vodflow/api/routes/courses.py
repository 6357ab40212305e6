"""Courses: which videos belong together, and who may watch them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from vodflow.api import audit
from vodflow.api.access import PlaybackManager
from vodflow.api.app_state import services
from vodflow.api.callers import Caller
from vodflow.api.models.playback import (
    Changed,
    CourseAnswer,
    CourseChange,
    CourseRequest,
    EnrolmentAnswer,
    EnrolmentChange,
    EnrolmentList,
    VideoInCourse,
    VideoList,
)
from vodflow.api.paging import Page, Pages, page_of
from vodflow.api.parameters import ObjectId, ShortText
from vodflow.api.play import playback
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.api.routes.playback import tenant_id
from vodflow.catalog import courses as rows
from vodflow.catalog import playback as tokens
from vodflow.catalog.courses import Course, Enrolment
from vodflow.catalog.database import transaction

router = APIRouter(prefix="/api/v1/courses", tags=["courses"])

UserId = Annotated[ShortText, Path(description="as the learning platform calls the person")]


def _course(connection: Any, course_id: int) -> Course:
    found = rows.find(connection, course_id=course_id)
    if not found:
        raise not_found(f"course {course_id}")
    return found[0]


@router.post("", status_code=201, responses=problem_responses(404, 409, 422))
def create(request: Request, response: Response, asked: CourseRequest, caller: PlaybackManager) -> CourseAnswer:
    """Make a course."""
    with transaction(caller.actor, services(request).settings) as connection:
        whose = tenant_id(connection, asked.tenant, caller)
        made = rows.create(connection, whose, asked.code, asked.title, active=asked.active)
        if made is None:
            raise Problem(409, "exists", f"There is a course {asked.code}: GET /api/v1/courses?code= finds it.")
        course = _course(connection, made)
    audit.record(request, "courses.create", f"course {made}", detail={"code": asked.code}, tenant=course.tenant)
    response.headers["Location"] = f"{request.url.path}/{made}"
    return CourseAnswer.model_validate(course)


@router.get("", responses=problem_responses(422))
def list_courses(
    request: Request, response: Response, caller: PlaybackManager, paging: Pages,  # noqa: ARG001
    code: Annotated[ShortText | None, Query(description="what the learning platform calls it")] = None,
) -> Page[CourseAnswer]:  # fmt: skip
    """Courses, oldest first."""
    order = f"courses {code or ''}"
    after = paging.after(order, int)
    with transaction("vodflow.api", services(request).settings) as connection:
        found = rows.find(connection, paging.limit + 1, code=code, after=after[0] if after else None)
    return page_of(request, response, found, paging.limit, order, CourseAnswer.model_validate)


@router.get("/{course_id}", responses=problem_responses(404))
def get(request: Request, course_id: ObjectId, caller: PlaybackManager) -> CourseAnswer:  # noqa: ARG001
    """One course."""
    with transaction("vodflow.api", services(request).settings) as connection:
        return CourseAnswer.model_validate(_course(connection, course_id))


@router.patch("/{course_id}", responses=problem_responses(404, 422))
def change(request: Request, course_id: ObjectId, asked: CourseChange, caller: PlaybackManager) -> CourseAnswer:
    """Give a course another title, or close it to learners. Tokens that were given out hold until they run out."""
    values = asked.model_dump(exclude_none=True)
    with transaction(caller.actor, services(request).settings) as connection:
        _course(connection, course_id)
        rows.change(connection, course_id, values)
        course = _course(connection, course_id)
    audit.record(request, "courses.change", f"course {course_id}", detail=values, tenant=course.tenant)
    return CourseAnswer.model_validate(course)


@router.delete("/{course_id}", status_code=204, responses=problem_responses(404))
def remove(request: Request, course_id: ObjectId, caller: PlaybackManager) -> None:
    """Forget a course and its enrolments; its videos stay, and may be watched without it."""
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        rows.remove(connection, course_id)
    audit.record(request, "courses.remove", f"course {course_id}", detail={"code": course.code}, tenant=course.tenant)


@router.get("/{course_id}/videos", responses=problem_responses(404, 422))
def list_videos(
    request: Request, response: Response, course_id: ObjectId, caller: PlaybackManager, paging: Pages  # noqa: ARG001
) -> Page[VideoInCourse]:  # fmt: skip
    """The videos of a course, in the order of their ids."""
    order = f"videos of {course_id}"
    after = paging.after(order, int)
    with transaction("vodflow.api", services(request).settings) as connection:
        _course(connection, course_id)
        found = rows.video_ids(connection, course_id, paging.limit + 1, after[0] if after else 0)
    return page_of(request, response, found, paging.limit, order, lambda item: VideoInCourse(video_id=item), place=int)


@router.put("/{course_id}/videos", responses=problem_responses(404, 422))
def set_videos(request: Request, course_id: ObjectId, asked: VideoList, caller: PlaybackManager) -> Changed:
    """Have a course consist of exactly these videos."""
    ids = set(asked.videos)
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        removed = rows.keep_videos(connection, course_id, ids)
        _add(connection, course, ids)
    changed = Changed(listed=len(ids), removed=removed)
    audit.record(request, "courses.videos", f"course {course_id}", detail=changed.model_dump(), tenant=course.tenant)
    return changed


@router.put("/{course_id}/videos/{video_id}", status_code=204, responses=problem_responses(404))
def add_video(request: Request, course_id: ObjectId, video_id: ObjectId, caller: PlaybackManager) -> None:
    """Put a video into a course."""
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        _add(connection, course, {video_id})
    audit.record(
        request, "courses.add_video", f"course {course_id}", detail={"video_id": video_id}, tenant=course.tenant
    )


def _add(connection: Any, course: Course, ids: set[int]) -> None:
    strange = rows.add_videos(connection, course, ids)
    if strange:
        raise not_found(f"video {min(strange)} of the course's tenant")


@router.delete("/{course_id}/videos/{video_id}", status_code=204, responses=problem_responses(404))
def remove_video(request: Request, course_id: ObjectId, video_id: ObjectId, caller: PlaybackManager) -> None:
    """Take a video out of a course. Where it is in no other, everybody may watch it who is given a token."""
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        if not rows.remove_video(connection, course_id, video_id):
            raise not_found(f"video {video_id} in course {course_id}")
    audit.record(
        request, "courses.remove_video", f"course {course_id}", detail={"video_id": video_id}, tenant=course.tenant
    )


@router.get("/{course_id}/enrolments", responses=problem_responses(404, 422))
def list_enrolments(
    request: Request, response: Response, course_id: ObjectId, caller: PlaybackManager, paging: Pages  # noqa: ARG001
) -> Page[EnrolmentAnswer]:  # fmt: skip
    """Who takes part in a course, in the order of what they are called."""
    order = f"enrolments of {course_id}"
    after = paging.after(order, str)
    with transaction("vodflow.api", services(request).settings) as connection:
        _course(connection, course_id)
        found = rows.enrolments(connection, course_id, paging.limit + 1, after=after[0] if after else "")
    return page_of(request, response, found, paging.limit, order, EnrolmentAnswer.model_validate, attrgetter("user_id"))


@router.put("/{course_id}/enrolments", responses=problem_responses(404, 422))
def set_enrolments(request: Request, course_id: ObjectId, asked: EnrolmentList, caller: PlaybackManager) -> Changed:
    """Have exactly these people take part. The tokens of those who may no longer watch are revoked."""
    people = [Enrolment(**item.model_dump()) for item in asked.enrolments]
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        gone = rows.end_enrolments(connection, course_id, but=[item.user_id for item in people])
        shut_out = rows.enrol(connection, course_id, people)
        _void(connection, request, course, [*gone, *shut_out], caller)
    changed = Changed(listed=len(people), removed=len(gone))
    audit.record(
        request, "courses.enrolments", f"course {course_id}", detail=changed.model_dump(), tenant=course.tenant
    )
    playback(request).revocations.refresh()
    return changed


@router.put("/{course_id}/enrolments/{user_id:path}", responses=problem_responses(404, 422))
def enrol(
    request: Request, course_id: ObjectId, user_id: UserId, asked: EnrolmentChange, caller: PlaybackManager
) -> EnrolmentAnswer:
    """Have somebody take part in a course, or change as what and when. Who may no longer watch has tokens revoked."""
    person = Enrolment(user_id=user_id, **asked.model_dump())
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        _void(connection, request, course, rows.enrol(connection, course_id, [person]), caller)
    detail = {"user_id": user_id, "role": asked.role}
    audit.record(request, "courses.enrol", f"course {course_id}", detail=detail, tenant=course.tenant)
    playback(request).revocations.refresh()
    return EnrolmentAnswer.model_validate(person)


@router.delete("/{course_id}/enrolments/{user_id:path}", status_code=204, responses=problem_responses(404))
def end_enrolment(request: Request, course_id: ObjectId, user_id: UserId, caller: PlaybackManager) -> None:
    """End somebody's enrolment; their tokens are revoked, and they may get new ones for what they may still watch."""
    with transaction(caller.actor, services(request).settings) as connection:
        course = _course(connection, course_id)
        gone = rows.end_enrolments(connection, course_id, user_id=user_id)
        if not gone:
            raise not_found(f"enrolment of {user_id} in course {course_id}")
        _void(connection, request, course, gone, caller)
    audit.record(
        request, "courses.end_enrolment", f"course {course_id}", detail={"user_id": user_id}, tenant=course.tenant
    )
    playback(request).revocations.refresh()


def _void(connection: Any, request: Request, course: Course, people: Sequence[str], caller: Caller) -> None:
    seconds = services(request).settings.playback_token_limit
    tokens.revoke(connection, course.tenant_id, seconds, caller.actor, people=people)
