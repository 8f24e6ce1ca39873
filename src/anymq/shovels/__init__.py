"""Shovels: they take messages from one place and bring them to another, of any broker or protocol.

A shovel is a parameter of the component `shovel`. `definition` reads it, `shovels` keeps one
`shovel` going for each; an end of a shovel is `local`, or a session of a client (`amqp`,
`kafka`, `mqtt`).
"""
