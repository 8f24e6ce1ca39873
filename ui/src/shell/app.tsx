/** The whole page: login, or sidebar, top bar, and what the address names. */
import { useSignal } from "@preact/signals";
import { useEffect, useErrorBoundary } from "preact/hooks";
import { connected } from "../lib/api";
import { find, path, type Params, type Route } from "../lib/router";
import { alarms, changed } from "../lib/live";
import { me, resume } from "../lib/session";
import { Button, Empty } from "../ui/bits";
import { closeDialogs, Dialogs } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Toasts } from "../ui/toast";
import { t as words } from "../ui/words";
import { Login } from "./login";
import { overlays, routes } from "./registry";
import { Sidebar } from "./sidebar";
import { Topbar } from "./topbar";
import { t } from "./words";
import mark from "../style/mark.svg";

export function App() {
  return (
    <>
      {me.value ? <Inside /> : <>{!connected.value && <Lost />}<Login /></>}
      <Dialogs />
      <Toasts />
    </>
  );
}

function Inside() {
  const found = find(routes, path.value);
  const section = found?.route.section ?? "/" + (path.value.split("/")[1] ?? "");
  const title = found?.route.title(found.params) ?? t.noPage;
  useEffect(() => {
    document.title = `${title} · anymq`;
  }, [title]);
  useEffect(closeDialogs, [path.value]);
  return (
    <div class="shell">
      <a class="brand" href="#/"><img src={mark} alt="" /><span>anymq</span></a>
      <Topbar />
      <Sidebar section={section} />
      <main class="main" id="main">
        {!connected.value && <Lost />}
        {alarms.value.length > 0 && <div class="banner warn" role="status"><Icon name="alarm" />{alarms.value.map((one) => alarmText(one)).join(" ")}</div>}
        {found ? <Shown key={path.value} route={found.route} params={found.params} /> : <NoPage />}
      </main>
      {overlays.map((Overlay) => <Overlay />)}
    </div>
  );
}

function Shown({ route, params }: { route: Route; params: Params }) {
  const [error] = useErrorBoundary((failure) => console.error(failure));
  const Page = route.page;
  if (error) {
    return (
      <Empty icon="alarm" title={words.broken}>
        <p class="mono">{String(error)}</p>
        <Button onClick={() => location.reload()}>{words.reload}</Button>
      </Empty>
    );
  }
  return <Page params={params} />;
}

function alarmText(name: string): string {
  return name === "memory" ? t.memoryAlarm : name === "disk" ? t.diskAlarm : name;
}

const RETRY_MS = 3000;

/** The line that says that nobody answers; it is there as long as that is so. */
function Lost() {
  useEffect(() => {
    // Pages that show lists ask by themselves; a login form does not.
    const timer = setInterval(() => void resume().then(changed, () => undefined), RETRY_MS);
    return () => clearInterval(timer);
  }, []);
  return <div class="banner bad" role="alert"><Icon name="offline" />{t.lost}</div>;
}

function NoPage() {
  const address = useSignal(path.value);
  return (
    <Empty icon="link" title={t.noPage}>
      <p class="mono">{address.value}</p>
      <p>{t.noPageText}</p>
      <a class="button" href="#/">{t.toOverview}</a>
    </Empty>
  );
}
