"""The rules of the service: functions over a session, which commit themselves."""
