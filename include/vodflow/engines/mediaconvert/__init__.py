"""MediaConvert: from a plan to job settings, their pricing tier, estimate and output names. Pure, no network.

- :func:`~vodflow.engines.mediaconvert.request.job.create_job_request` makes the CreateJob request and validates it;
- :mod:`~vodflow.engines.mediaconvert.request.validation` checks any request against AWS's service model;
- :mod:`~vodflow.engines.mediaconvert.files.renaming` maps the service's file names to the layout's;
- :mod:`~vodflow.engines.mediaconvert.pricing.estimate` says tier, normalised minutes and money.

Submission comes with the operators; see ``docs/mediaconvert-settings.md``.
"""
