import { runAndReport, type Task } from "./run-cases.js";

/** A dedicated worker, and a shared one: where there are ports, each brings a task. */
interface Scope {
  onmessage: (event: MessageEvent<Task>) => void;
  onconnect: (event: MessageEvent) => void;
}
const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data }) => void runAndReport(data);
scope.onconnect = ({ ports }) => {
  ports[0]!.onmessage = ({ data }: MessageEvent<Task>) => void runAndReport(data);
};
