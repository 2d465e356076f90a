import type { ReactNode } from "react";

/** In place of a list that is empty: what it is for, and what to do first. */
export function Begin(props: { title: string; /** What it is for. */ about: ReactNode; /** What to do, in turn. */ steps: readonly ReactNode[]; action?: ReactNode }) {
  return (
    <section aria-label={props.title} className="grid gap-x-12 gap-y-4 rounded-lg bg-kumo-base p-6 ring ring-kumo-hairline lg:grid-cols-2">
      <div className="min-w-0">
        <h2 className="m-0 text-lg font-semibold">{props.title}</h2>
        <p className="mt-2 mb-0 max-w-prose text-sm text-kumo-subtle">{props.about}</p>
        {props.action && <div className="mt-4">{props.action}</div>}
      </div>
      <ol aria-label="What to do first" className="m-0 flex list-decimal flex-col gap-2 pl-5 text-sm">
        {props.steps.map((s, i) => (
          <li key={i}>{s}</li>
        ))}
      </ol>
    </section>
  );
}
