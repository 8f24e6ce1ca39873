import { count } from "../lib/format";
import { path } from "../lib/router";
import { Icon } from "../ui/icons";
import { entries, type Entry, type Group } from "./registry";
import { t } from "./words";

const GROUPS: Group[] = ["see", "routes", "messages", "admin"];

export function Sidebar({ section }: { section: string }) {
  const shown = entries.filter((one) => one.shown?.() ?? true);
  const first = shown.filter((one) => one.path === "/");
  return (
    <nav class="side">
      {first.map((one) => <Line of={one} section={section} />)}
      {GROUPS.map((group) => {
        const mine = shown.filter((one) => one.group === group && one.path !== "/");
        return mine.length > 0 && (
          <>
            <h3>{t[group]}</h3>
            {mine.map((one) => <Line of={one} section={section} />)}
          </>
        );
      })}
    </nav>
  );
}

function Line({ of, section }: { of: Entry; section: string }) {
  const label = of.label();
  const tally = of.tally?.();
  const current = of.path === section || of.path === path.value;
  return (
    <a href={"#" + of.path} aria-current={current ? "page" : undefined} title={label}>
      <Icon name={of.icon} />
      <span>{label}</span>
      {tally !== undefined && <span class="tally">{count(tally)}</span>}
    </a>
  );
}
