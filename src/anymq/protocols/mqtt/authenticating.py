"""Authenticating: a login of MQTT 5 that takes several packets, by SCRAM."""

from typing import Any

from anymq.protocols.mqtt.codec import Auth
from anymq.protocols.mqtt.errors import MqttFault, Reason
from anymq.protocols.mqtt.login import PROTOCOL
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.properties import P, Props
from anymq.security.passwords import Mechanism
from anymq.security.scram import AuthenticationFailed
from anymq.security.scram_login import ScramLogin


class Authenticating:
    """One client's: at CONNECT, and as often as it likes later."""

    def __init__(self, mqtt: Mqtt, method: str, host: str) -> None:
        if method not in mqtt.settings.auth_methods:
            raise MqttFault(Reason.BAD_AUTH_METHOD, f"method {method!r} is not offered")
        self.method = method
        self.user = ""
        self.proof: bytes | None = None  # that we know the password as well
        self._mqtt = mqtt
        self._host = host
        self._login: ScramLogin | None = None

    def begin(self, properties: Props) -> Auth | None:
        """Take the client's first message, if it is there; None: that was all."""
        mqtt = self._mqtt
        self.user, self.proof = "", None
        mechanism = Mechanism(self.method)
        self._login = ScramLogin(
            mqtt.gate, mqtt.users, mechanism, host=self._host, protocol=PROTOCOL
        )
        return self.go_on(properties)

    def go_on(self, properties: Props) -> Auth | None:
        """Take the client's next message; return ours. None: it has proved to be `user`."""
        if properties.get(P.AUTH_METHOD) != self.method:
            raise MqttFault(Reason.PROTOCOL_ERROR, "another method than before")
        if self._login is None:
            raise MqttFault(Reason.PROTOCOL_ERROR, "AUTH goes on, and had not begun")
        data = properties.get(P.AUTH_DATA)
        if data is None:
            return self.said(Reason.CONTINUE)
        try:
            self.proof = self._login.step(data)
        except AuthenticationFailed as error:
            self._mqtt.counters.logins_failed += 1
            raise MqttFault(Reason.BAD_LOGIN, str(error)) from None
        if not self._login.user:
            return self.said(Reason.CONTINUE)
        self.user, self._login = self._login.user, None
        return None

    def prove_again(self, properties: Props, user: str, *, begins: bool) -> Auth:
        """Take a message of a client that is in; return ours. It has to stay the user it is."""
        try:
            answer = self.begin(properties) if begins else self.go_on(properties)
        except MqttFault as fault:
            if fault.code is not Reason.BAD_LOGIN:  # which DISCONNECT does not know
                raise
            raise MqttFault(Reason.NOT_AUTHORIZED, str(fault)) from None
        if answer is None and self.user != user:
            raise MqttFault(Reason.NOT_AUTHORIZED, "it is another user than before")
        return answer or self.said(Reason.SUCCESS)

    def said(self, code: Reason) -> Auth:
        """Return what we say."""
        return Auth(code, self.properties)

    @property
    def properties(self) -> dict[int, Any]:
        """As AUTH and CONNACK bear it."""
        said: dict[int, Any] = {P.AUTH_METHOD: self.method}
        if self.proof is not None:
            said[P.AUTH_DATA] = self.proof
        return said
