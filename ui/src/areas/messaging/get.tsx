/** Get messages from the head of a queue. */
import { useSignal } from "@preact/signals";
import { apiPath, post } from "../../lib/api";
import { count, short } from "../../lib/format";
import { changed } from "../../lib/live";
import { Card, Empty, Tag } from "../../ui/bits";
import { Form, SelectField, TextField } from "../../ui/form";
import { ArgumentList } from "./things";
import { t } from "./words";

export interface Got {
  payload: string;
  payload_encoding: "string" | "base64";
  payload_bytes: number;
  redelivered: boolean;
  exchange: string;
  routing_key: string;
  message_count: number;
  properties: Record<string, unknown> | [];
}

type Mode = "ack_requeue_true" | "ack_requeue_false" | "reject_requeue_false" | "reject_requeue_true";
const SHOWN_BYTES_MAX = 50_000;

export function GetMessages({ vhost, queue }: { vhost: string; queue: string }) {
  const mode = useSignal<Mode>("ack_requeue_true");
  const many = useSignal("1");
  const got = useSignal<Got[] | null>(null);
  const submit = async () => {
    got.value = await post<Got[]>(apiPath("queues", vhost, queue, "get"), {
      count: Number(many.value), ackmode: mode.value, encoding: "auto", truncate: SHOWN_BYTES_MAX,
    });
    changed();
  };
  return (
    <>
      <Card title={t.getMessages}>
        <div style={{ maxWidth: "560px" }}>
          <Form onSubmit={submit} button={t.get}>
            <p class="muted">{t.getHint}</p>
            <div class="pair">
              <TextField label={t.count} value={many} type="number" required />
              <SelectField label={t.ackMode} value={mode} options={[
                ["ack_requeue_true", t.requeue], ["ack_requeue_false", t.acknowledge], ["reject_requeue_false", t.reject], ["reject_requeue_true", t.rejectRequeue],
              ]} />
            </div>
          </Form>
        </div>
      </Card>
      {got.value?.length === 0 && <Card><Empty icon="messages"><p>{t.nothingThere}</p></Empty></Card>}
      {got.value?.map((one) => <MessageView of={one} />)}
    </>
  );
}

function MessageView({ of }: { of: Got }) {
  const { headers, ...rest } = Array.isArray(of.properties) ? ({} as Record<string, unknown>) : of.properties;
  return (
    <article class="message card">
      <header>
        <span>{t.exchange} <b class="mono">{of.exchange || t.defaultExchange}</b></span>
        <span>{t.routingKey} <b class="mono">{of.routing_key}</b></span>
        <span>{t.bytesLong(count(of.payload_bytes))}</span>
        {of.redelivered && <Tag tone="warn">{t.redelivered}</Tag>}
        {of.payload_encoding === "base64" && <Tag>base64</Tag>}
        <span class="grow right">{t.left(short(of.message_count))}</span>
      </header>
      {(Object.keys(rest).length > 0 || headers !== undefined) && (
        <dl class="facts">
          {Object.keys(rest).length > 0 && <><dt>{t.properties}</dt><dd><ArgumentList of={rest} /></dd></>}
          {typeof headers === "object" && headers !== null && <><dt>{t.headers}</dt><dd><ArgumentList of={headers as Record<string, unknown>} /></dd></>}
        </dl>
      )}
      <pre class="mono">{pretty(of)}</pre>
    </article>
  );
}

/** JSON is indented; everything else is shown as it is. */
function pretty({ payload, payload_encoding }: Got): string {
  if (payload_encoding === "base64" || !/^\s*[[{]/.test(payload)) return payload;
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}
