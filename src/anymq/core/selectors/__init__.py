"""Selectors: which messages are meant, said as a condition of SQL (that of JMS, 3.8.1.1).

words: text → words · parser: words → a test · evaluating, like: what a test does
sql92, texts: the same as RocketMQ's consumers say it, over properties that are all text
facts: what a message says, by the names of JMS · selector: all of it together
"""
