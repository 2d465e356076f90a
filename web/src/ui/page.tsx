import { Button } from "@cloudflare/kumo/components/button";
import { Loader } from "@cloudflare/kumo/components/loader";
import { useParams, useRouter } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { Notice } from "./notice";

/** A page's frame: heading, what it is about, its actions, and its contents. */
export function Page(props: { title: string; /** In the browser's tab, where the title says something else. */ tab?: string; description?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const { zone } = useParams({ strict: false });
  useEffect(() => {
    document.title = `${zone === undefined ? "" : `${zone} · `}${props.tab ?? props.title} | Headwater`;
  }, [props.title, props.tab, zone]);
  return (
    <div className="flex w-full flex-col gap-4 px-4 py-4 md:px-8">
      <header className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h1 className="m-0 text-2xl font-semibold break-words text-kumo-default">{props.title}</h1>
          {props.description !== undefined && (
            <p className="mt-1 mb-0 max-w-3xl text-base text-kumo-subtle">{props.description}</p>
          )}
        </div>
        {props.actions !== undefined && <div className="page-actions flex max-w-full flex-wrap gap-2">{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

/** A titled part of a page. */
export function Card(props: { title?: string; description?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="rounded-lg bg-kumo-base ring ring-kumo-hairline" aria-label={props.title}>
      {props.title !== undefined && (
        <div className="flex flex-wrap items-start justify-between gap-3 px-5 pt-4">
          <div className={`min-w-0 flex-1 ${props.description === undefined ? "basis-auto" : "basis-64"}`}>
            <h2 className="m-0 text-lg font-semibold text-kumo-default">{props.title}</h2>
            {props.description !== undefined && <p className="mt-1 mb-0 text-sm text-kumo-subtle">{props.description}</p>}
          </div>
          {props.actions}
        </div>
      )}
      <div className="px-5 py-4">{props.children}</div>
    </section>
  );
}

/** Cards side by side where there is room for two, in the order of the left and then the right: a form that is a screen wide is not read. */
export function Columns(props: { left: ReactNode; right: ReactNode }) {
  return (
    <div className="grid items-start gap-4 min-[90rem]:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">{props.left}</div>
      <div className="flex min-w-0 flex-col gap-4">{props.right}</div>
    </div>
  );
}

/** A table that scrolls sideways where it does not fit; the region can be reached by keyboard for that. */
export function TableFrame(props: { label: string; /** It fits wide screens: there nothing scrolls, so that a change draws what changed and not all of a long table. */ fits?: boolean; children: ReactNode }) {
  return (
    <div
      role="region"
      aria-label={props.label}
      tabIndex={0}
      className={`overflow-x-auto rounded-lg bg-kumo-base ring ring-kumo-hairline focus-visible:outline-2 focus-visible:outline-kumo-focus ${props.fits ? "min-[84rem]:overflow-x-visible" : ""}`}
    >
      {props.children}
    </div>
  );
}

/** Shown while something is on its way. */
export function Waiting() {
  return (
    <div className="flex justify-center p-12">
      <Loader size={24} />
    </div>
  );
}

/** The shape of a table whose rows are on their way. */
export function Skeleton() {
  return (
    <div role="status" aria-label="Loading" className="skeleton rounded-lg bg-kumo-base ring ring-kumo-hairline">
      {Array.from({ length: 12 }, (_, i) => (
        <div key={i} />
      ))}
    </div>
  );
}

/** The shape of a page that is on its way. */
export function WaitingPage() {
  return (
    <div className="flex flex-col gap-4 px-4 py-4 md:px-8">
      <div aria-hidden className="h-8 w-40 rounded-md bg-kumo-fill opacity-60" />
      <Skeleton />
    </div>
  );
}

/** Shown in place of what failed. */
export function Fault(props: { error: unknown; onRetry?: () => void }) {
  const text = props.error instanceof Error ? props.error.message : String(props.error);
  return (
    <div className="flex flex-col items-start gap-3 p-4" role="alert">
      <Notice variant="error" title="This could not be shown" description={text} />
      {props.onRetry && <Button onClick={props.onRetry}>Try again</Button>}
    </div>
  );
}

/** Shown in place of a page that failed. */
export function RouteFault(props: { error: unknown }) {
  const router = useRouter();
  return <Fault error={props.error} onRetry={() => void router.invalidate()} />;
}

/** What a query gave, or that it is on its way, or why it failed. */
export function Loaded<T>(props: {
  query: { data: T | undefined; error: Error | null; refetch: () => unknown };
  waiting?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  if (props.query.data !== undefined) return props.children(props.query.data);
  return props.query.error ? <Fault error={props.query.error} onRetry={() => void props.query.refetch()} /> : (props.waiting ?? <Waiting />);
}
