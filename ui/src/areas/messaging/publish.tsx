/** Publish a message by hand. */
import { useSignal } from "@preact/signals";
import { apiPath, post } from "../../lib/api";
import { changed } from "../../lib/live";
import { Card } from "../../ui/bits";
import { AreaField, Check, Form, objectOf, Pairs, SelectField, TextField, type Pair } from "../../ui/form";
import { say } from "../../ui/toast";
import { exchangeInPath } from "./things";
import { t } from "./words";

/** To an exchange; or, with `queue`, to that queue by the exchange without a name. */
export function Publish({ vhost, exchange = "", queue }: { vhost: string; exchange?: string; queue?: string }) {
  const key = useSignal(queue ?? "");
  const payload = useSignal("");
  const base64 = useSignal(false);
  const mode = useSignal<"1" | "2">("2");
  const headers = useSignal<Pair[]>([]);
  const more = {
    content_type: useSignal(""), priority: useSignal(""), expiration: useSignal(""), message_id: useSignal(""), correlation_id: useSignal(""), reply_to: useSignal(""),
  };
  const submit = async () => {
    const properties: Record<string, unknown> = { delivery_mode: Number(mode.value) };
    for (const [name, value] of Object.entries(more)) {
      if (value.value) properties[name] = name === "priority" ? Number(value.value) : value.value;
    }
    if (headers.value.length) properties["headers"] = objectOf(headers.value);
    const { routed } = await post<{ routed: boolean }>(apiPath("exchanges", vhost, exchangeInPath(exchange), "publish"), {
      properties, routing_key: key.value, payload: payload.value, payload_encoding: base64.value ? "base64" : "string",
    });
    say(routed ? t.published : t.notRouted, !routed);
    changed();
  };
  return (
    <Card title={t.publish}>
      <div style={{ maxWidth: "760px" }}>
        <Form onSubmit={submit} button={t.publish}>
          <div class="pair">
            {queue === undefined && <TextField label={t.routingKey} value={key} mono />}
            <SelectField label={t.deliveryMode} value={mode} options={[["2", t.persistent], ["1", t.nonPersistent]]} />
            <TextField label={t.contentType} value={more.content_type} placeholder="application/json" mono />
          </div>
          <AreaField label={t.payload} value={payload} rows={6} />
          <Check label={t.asBase64} value={base64} />
          <Pairs label={t.headers} value={headers} suggestions={[{ key: "x-delay", type: "number" }, { key: "CC", type: "list" }, { key: "BCC", type: "list" }]} />
          <details>
            <summary>{t.moreProperties}</summary>
            <div class="pair">
              <TextField label={t.messageId} value={more.message_id} mono />
              <TextField label={t.correlationId} value={more.correlation_id} mono />
              <TextField label={t.replyTo} value={more.reply_to} mono />
              <TextField label={t.priority} value={more.priority} type="number" />
              <TextField label={t.expiration} value={more.expiration} type="number" />
            </div>
          </details>
        </Form>
      </div>
    </Card>
  );
}
