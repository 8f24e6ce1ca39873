/** The bar at the top: which virtual host, who, and how it looks. Areas may put things into it. */
import { language, LANGUAGES, type Language } from "../lib/i18n";
import { logOut, me, vhost, vhosts } from "../lib/session";
import { theme, type Theme } from "../lib/theme";
import { Menu, Tag } from "../ui/bits";
import { Icon, type IconName } from "../ui/icons";
import { t } from "./words";
import { paletteOpen } from "../lib/palette";

export function Topbar() {
  return (
    <header class="topbar">
      {vhosts.value.length > 1 && (
        <select class="select" style={{ width: "auto", maxWidth: "220px" }} aria-label={t.vhost} value={vhost.value}
          onChange={(event) => (vhost.value = event.currentTarget.value)}>
          <option value="" selected={vhost.value === ""}>{t.allVhosts}</option>
          {vhosts.value.map((name) => <option value={name} selected={name === vhost.value}>{name}</option>)}
        </select>
      )}
      {paletteOpen.value !== null && (
        <button type="button" class="button search-button" onClick={() => (paletteOpen.value = true)}>
          <Icon name="search" /><span class="grow">{t.search}</span><kbd>Ctrl K</kbd>
        </button>
      )}
      <span class="grow" />
      <Appearance />
      {me.value && (
        <Menu icon="users" look="quiet" label={t.user} text={me.value.name}>
          <small>{me.value.tags.map((tag) => <Tag>{tag}</Tag>)}</small>
          <hr />
          <button type="button" onClick={() => void logOut()}><Icon name="leave" />{t.logOut}</button>
        </Menu>
      )}
    </header>
  );
}

/** Language and theme: also for who has not logged in. */
export function Appearance() {
  const themes: [Theme, string, IconName][] = [["auto", t.auto, "half"], ["light", t.light, "sun"], ["dark", t.dark, "moon"]];
  const shown = themes.find(([id]) => id === theme.value) ?? themes[0]!;
  const languages = Object.entries(LANGUAGES) as [Language, string][];
  return (
    <>
      <Menu icon="language" look="quiet" label={t.language} text={LANGUAGES[language.value]}>
        {languages.map(([id, name]) => (
          <button type="button" lang={id} onClick={() => (language.value = id)}>{name}{id === language.value && <Icon name="check" />}</button>
        ))}
      </Menu>
      <Menu icon={shown[2]} look="quiet" label={t.theme}>
        {themes.map(([id, name, icon]) => (
          <button type="button" onClick={() => (theme.value = id)}><Icon name={icon} />{name}</button>
        ))}
      </Menu>
    </>
  );
}

