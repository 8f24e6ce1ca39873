"""Kafka's messages: facts in `table/`, code in `generated/`, and between them `generate.py`.

To change a message, change the table (its notation: `notation.py`) and run
`python -m anymq.protocols.kafka.schema.generate`. `layout.py` decides which fields are read by one
`struct` call, `decoder.py` and `encoder.py` write the functions.
"""
