/**
 * All pages there are. Each area brings its own: `areas/<area>/routes.ts` exports
 *
 *   export const routes: Route[] = [{ path: "/things/:name", page: Thing, title: … }];
 *   export const entries: Entry[] = [{ group: "messages", order: 10, path: "/things", icon: …, label: () => t.things }];
 *
 * and is found by that. `overlays` are shown over every page: a palette of commands, say.
 */
import type { ComponentType } from "preact";
import type { Route } from "../lib/router";
import type { IconName } from "../ui/icons";

export type Group = "see" | "routes" | "messages" | "admin";

/** An entry of the sidebar. */
export interface Entry {
  group: Group;
  order: number;
  path: string; // "/queues": lit for all that is below
  icon: IconName;
  label: () => string;
  shown?: () => boolean; // who may not use it does not see it
  tally?: () => number | undefined;
}

/** What an area adds to the page of a thing of another: a button "Browse" at a queue, say. */
export interface Offer {
  of: "queue" | "exchange" | "topic" | "connection" | "group";
  icon: IconName;
  label: () => string;
  href: (...names: string[]) => string; // the names in the thing's address: vhost and queue
}

export interface Area {
  offers?: Offer[];
  routes?: Route[];
  entries?: Entry[];
  overlays?: ComponentType[];
}

const areas = Object.values(import.meta.glob<Area>("../areas/*/routes.{ts,tsx}", { eager: true }));

export const routes: Route[] = areas.flatMap((area) => area.routes ?? []);
export const entries: Entry[] = areas.flatMap((area) => area.entries ?? []).sort((a, b) => a.order - b.order);
export const offers: Offer[] = areas.flatMap((area) => area.offers ?? []);
export const overlays: ComponentType[] = areas.flatMap((area) => area.overlays ?? []);
