/** What pages show of the server, kept fresh while somebody looks. */
import { effect, signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, get, Unreachable } from "./api";
import { changes } from "./live";

export interface Resource<T> {
  data: Signal<T | undefined>;
  error: Signal<ApiError | null>;
  refresh: () => Promise<void>;
}

export const EVERY_MS = 3000;

/**
 * Load a path, and again every so often, and at once when the server says that things changed.
 * Nothing is asked while the tab is hidden. `null`: nothing yet.
 */
export function useResource<T>(path: string | null, every: number = EVERY_MS): Resource<T> {
  const resource = useMemo(() => {
    const data = signal<T | undefined>(undefined);
    const error = signal<ApiError | null>(null);
    const refresh = async (): Promise<void> => {
      if (path === null) return;
      try {
        data.value = await get<T>(path);
        error.value = null;
      } catch (failure) {
        if (failure instanceof ApiError) error.value = failure;
        else if (!(failure instanceof Unreachable)) throw failure;
      }
    };
    return { data, error, refresh };
  }, [path]);
  useRepeated(resource.refresh, every);
  return resource;
}

/** Do it now, every so often while the tab is seen, and when something was made or unmade. */
export function useRepeated(act: () => Promise<void>, every: number = EVERY_MS): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const round = async (): Promise<void> => {
      clearTimeout(timer);
      if (!document.hidden) await act();
      if (!stopped && every > 0) {
        clearTimeout(timer);
        timer = setTimeout(round, every);
      }
    };
    const again = () => void round();
    again();
    document.addEventListener("visibilitychange", again);
    let first = true;
    const forget = effect(() => {
      changes.value;
      if (!first) again();
      first = false;
    });
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
      forget();
    };
  }, [act, every]);
}
