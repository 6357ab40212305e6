"""The Lambda function that has new videos in S3 transcoded. Standard library only, but for the runtime's own botocore.

``scripts/build_lambda.py`` puts it into a zip together with the modules of ``vodflow`` that it uses.
"""
