import { Badge } from "@cloudflare/kumo/components/badge";
import type { Schema } from "../api/client";

const states = {
  in_step: ["success", "In step"],
  behind: ["warning", "Behind"],
  ahead: ["warning", "Ahead"],
  refuses: ["error", "Refuses"],
  wrong_key: ["error", "Wrong key"],
  no_zone: ["error", "Zone not there"],
  unreachable: ["error", "Unreachable"],
  differs: ["error", "Other contents"],
  no_address: ["neutral", "No address"],
  unknown: ["neutral", "Not heard of yet"],
} as const satisfies Record<Schema<"SecondaryState">, readonly [string, string]>;

/** The states in words, in the order in which they are shown. */
export const stateWords = Object.entries(states) as [Schema<"SecondaryState">, (typeof states)[keyof typeof states]][];

/** A state in words; one that this page does not know as it came. */
export const stateText = (state: string): string => (states as Record<string, readonly [string, string]>)[state]?.[1] ?? state.replaceAll("_", " ");

/** How a secondary stands to us. */
export function StateBadge(props: { state: Schema<"SecondaryState"> }) {
  const [variant, text] = states[props.state] ?? ["error", stateText(props.state)];
  return (
    <Badge appearance="dot" variant={variant}>
      {text}
    </Badge>
  );
}
