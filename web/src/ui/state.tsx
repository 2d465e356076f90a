import { Badge } from "@cloudflare/kumo/components/badge";
import type { Schema } from "../api/client";

const states = {
  in_step: ["success", "In step"],
  behind: ["warning", "Behind"],
  silent: ["error", "Silent"],
  unknown: ["neutral", "Not heard of yet"],
} as const;

/** How a secondary stands to us. */
export function StateBadge(props: { state: Schema<"SecondaryState"> }) {
  const [variant, text] = states[props.state];
  return (
    <Badge appearance="dot" variant={variant}>
      {text}
    </Badge>
  );
}
