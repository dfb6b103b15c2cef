import type { Scope } from "./scope";

/** What a host gives a widget: anywidget's front-end module interface. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, listener: (...given: never[]) => void): void;
  off(event: string, listener: (...given: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[] | ArrayBufferView[]): void;
}

/** The synced state of a widget, typed; `State` lists the traits that the Python twin syncs. */
export class Model<State extends object> {
  constructor(readonly any: AnyModel) {}

  get<Name extends keyof State & string>(name: Name): State[Name] {
    return this.any.get(name) as State[Name];
  }

  /** Change traits, here and in the kernel, in one message. */
  set(changes: Partial<State>): void {
    for (const [name, value] of Object.entries(changes)) this.any.set(name, value);
    this.any.save_changes();
  }

  /** Call `changed` when one of the traits gets another value, whoever changed it. */
  on(names: readonly (keyof State & string)[], changed: () => void, scope: Scope): void {
    for (const name of names) {
      this.any.on(`change:${name}`, changed);
      scope.defer(() => this.any.off(`change:${name}`, changed));
    }
  }
}
