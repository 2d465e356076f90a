import { useSyncExternalStore } from "react";

const key = "headwater-theme";

/** How the dashboard looks; "system" follows the machine. */
export type Theme = "system" | "light" | "dark";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** The theme chosen in this browser. */
export function chosenTheme(): Theme {
  const kept = window.localStorage.getItem(key);
  return kept === "light" || kept === "dark" ? kept : "system";
}

function apply(): void {
  const theme = chosenTheme();
  document.documentElement.dataset.mode = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
}

/** Keeps a choice and shows it. */
export function chooseTheme(theme: Theme): void {
  if (theme === "system") window.localStorage.removeItem(key);
  else window.localStorage.setItem(key, theme);
  apply();
  for (const l of listeners) l();
}

const listeners = new Set<() => void>();

/** The theme in use, wherever it is chosen. */
export function useTheme(): Theme {
  return useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    chosenTheme,
  );
}

/** Shows the chosen theme and follows the machine from then on. */
export function startTheme(): void {
  apply();
  dark.addEventListener("change", apply);
}
