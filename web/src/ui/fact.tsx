import type { ReactNode } from "react";

/** A named value among others. */
export function Fact(props: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-sm text-kumo-subtle">{props.name}</dt>
      <dd className="m-0 text-base break-words text-kumo-default">{props.children}</dd>
    </div>
  );
}
