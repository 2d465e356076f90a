import { useKumoToastManager } from "@cloudflare/kumo/components/toast";
import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { renewed } from "../api/session";

type Options<In, Out> = {
  run: (input: In) => Promise<Out>;
  /** Said when it worked. */
  done?: string;
  /** Keys of the queries that are old from then on. */
  stale?: QueryKey[];
  then?: (out: Out, input: In) => void;
  /** A form shows the error itself. */
  quiet?: boolean;
  /** Not tried again after signing in: it is the signing in itself, or the signing out. */
  once?: boolean;
};

/** Runs a change; where the session was over, once more after signing in again, so that nothing typed is lost. */
async function persistently<Out>(run: () => Promise<Out>): Promise<Out> {
  try {
    return await run();
  } catch (e) {
    if (await renewed(e)) return run();
    throw e;
  }
}

/** A change to the server: says how it went, and reads again what it made old. */
export function useAction<In = void, Out = unknown>(o: Options<In, Out>) {
  const toast = useKumoToastManager();
  const client = useQueryClient();
  const mutation = useMutation<Out, Error, In>({
    mutationFn: (input) => (o.once ? o.run(input) : persistently(() => o.run(input))),
    onSuccess: async (out, input) => {
      if (o.done !== undefined) toast.add({ title: o.done, variant: "success" });
      await Promise.all((o.stale ?? []).map((queryKey) => client.invalidateQueries({ queryKey })));
      o.then?.(out, input);
    },
    onError: (e) => {
      if (!o.quiet) toast.add({ title: "That did not work", description: e.message, variant: "error" });
    },
  });
  const at = (pointer: string) => (mutation.error instanceof ApiError ? mutation.error.at(pointer) : undefined);
  return { run: mutation.mutate, busy: mutation.isPending, error: mutation.error, at, reset: mutation.reset };
}
