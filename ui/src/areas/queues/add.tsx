import { useSignal } from "@preact/signals";
import { apiPath, put } from "../../lib/api";
import { changed } from "../../lib/live";
import { go, link } from "../../lib/router";
import { vhost as shownVhost, vhosts } from "../../lib/session";
import { openDialog } from "../../ui/dialog";
import { Check, Form, objectOf, Pairs, SelectField, TextField, type Pair, type PairType } from "../../ui/form";
import { say } from "../../ui/toast";
import { t as common } from "../../ui/words";
import { t } from "../messaging/words";

type Type = "classic" | "quorum" | "stream";

export function addQueue(): void {
  openDialog(t.addQueue, (close) => <AddQueue close={close} />);
}

function AddQueue({ close }: { close: () => void }) {
  const vhost = useSignal(shownVhost.peek() || vhosts.peek()[0] || "/");
  const name = useSignal("");
  const type = useSignal<Type>("classic");
  const durable = useSignal(true);
  const autoDelete = useSignal(false);
  const args = useSignal<Pair[]>([]);
  const hints: Record<Type, string> = { classic: t.classicHint, quorum: t.quorumHint, stream: t.streamHint };
  const submit = async () => {
    await put(apiPath("queues", vhost.value, name.value), {
      durable: type.value !== "classic" || durable.value,
      auto_delete: type.value === "classic" && autoDelete.value,
      arguments: { "x-queue-type": type.value, ...objectOf(args.value) },
    });
    say(t.created(name.value));
    changed();
    close();
    go(link("queues", vhost.value, name.value));
  };
  return (
    <Form onSubmit={submit} button={common.create} onCancel={close}>
      <div class="pair">
        <TextField label={common.name} value={name} required mono />
        {vhosts.value.length > 1 && <SelectField label={t.vhost} value={vhost} options={vhosts.value.map((one) => [one, one])} />}
      </div>
      <SelectField label={t.queueType} value={type} hint={hints[type.value]} options={[["classic", t.classic], ["quorum", t.quorum], ["stream", t.stream]]} />
      {type.value === "classic" && (
        <>
          <Check label={t.durable} hint={t.durableHint} value={durable} />
          <Check label={t.autoDelete} hint={t.autoDeleteQueueHint} value={autoDelete} />
        </>
      )}
      <Pairs label={t.arguments} value={args} suggestions={suggestions(type.value)} />
    </Form>
  );
}

function suggestions(type: Type): { key: string; type: PairType; value?: string; title: string }[] {
  if (type === "stream") {
    return [
      { key: "x-max-age", type: "string", value: "7D", title: t.maxAge },
      { key: "x-max-length-bytes", type: "number", title: t.maxBytes },
    ];
  }
  return [
    { key: "x-message-ttl", type: "number", title: t.ttl },
    { key: "x-max-length", type: "number", title: t.maxLength },
    { key: "x-dead-letter-exchange", type: "string", title: t.dlx },
    { key: "x-dead-letter-routing-key", type: "string", title: t.dlk },
    { key: "x-overflow", type: "string", value: "reject-publish", title: `${t.overflow}: ${t.dropHead}` },
    { key: "x-single-active-consumer", type: "boolean", value: "true", title: t.sac },
    { key: "x-expires", type: "number", title: t.expires },
    { key: "x-max-length-bytes", type: "number", title: t.maxBytes },
    ...(type === "quorum" ? [{ key: "x-delivery-limit", type: "number" as const, value: "20", title: t.deliveryLimit }] : [{ key: "x-max-priority", type: "number" as const, value: "10", title: t.maxPriority }]),
  ];
}
