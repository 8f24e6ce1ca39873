import { ago, when } from "../lib/format";
import { secondHand } from "./bits";

/** How long ago; it goes on by itself. */
export function Since({ ms }: { ms: number | undefined }) {
  secondHand.value;
  return <span title={when(ms)}>{ago(ms)}</span>;
}
