"""Send back: a consumer could not deal with a message."""

from anymq.protocols.rocketmq import retrying
from anymq.protocols.rocketmq.codes import RequestCode

CODES = {RequestCode.CONSUMER_SEND_MSG_BACK: retrying.send_back}
