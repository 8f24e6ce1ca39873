/** Find what to begin with: in a broker with ten thousand queues nobody scrolls to it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Icon } from "../../ui/icons";
import { complain } from "../../ui/toast";
import { findByName, type Found } from "./load";
import { t } from "./words";

const TYPING_MS = 180;

export function Search({ vhost, onFound }: { vhost: string; onFound: (id: string) => void }) {
  const text = useSignal("");
  const found = useSignal<Found[]>([]);
  useEffect(() => {
    const wanted = text.value.trim();
    if (!wanted) {
      found.value = [];
      return;
    }
    const timer = setTimeout(() => void findByName(vhost, wanted).then((all) => {
      if (text.value.trim() === wanted) found.value = all;
    }, complain), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text.value, vhost]);
  const take = (one: Found | undefined) => {
    if (!one) return;
    text.value = "";
    onFound(one.id);
  };
  return (
    <div class="menu-holder finder">
      <Icon name="search" />
      <input class="input" type="search" placeholder={t.search} aria-label={t.search} value={text.value} spellcheck={false}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") take(found.value[0]);
          if (event.key === "Escape") text.value = "";
        }} />
      {found.value.length > 0 && (
        <div class="menu">
          {found.value.map((one) => (
            <button type="button" key={one.id} onClick={() => take(one)}>
              <Icon name={one.kind === "queue" ? "queues" : "exchanges"} />
              <span class="clip">{one.name || "(AMQP default)"}</span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
