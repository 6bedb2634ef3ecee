/** Where in a data set a codec stands, for error texts: `00400100[0].00080060`. */
import type { Tag } from '../model.ts';

export class Place {
  /** The attribute at hand. */
  tag: Tag = '';
  private readonly sequences: Tag[] = [];
  private readonly items: number[] = [];

  get depth(): number {
    return this.sequences.length;
  }

  enterSequence(): void {
    this.sequences.push(this.tag);
    this.items.push(0);
  }

  enterItem(index: number): void {
    this.items[this.items.length - 1] = index;
    this.tag = '';
  }

  leaveSequence(): void {
    this.tag = this.sequences.pop() ?? '';
    this.items.pop();
  }

  /** Back to an outer level, after a failed attempt deeper down. */
  leaveTo(depth: number): void {
    while (this.sequences.length > depth) this.leaveSequence();
  }

  toString(): string {
    const around = this.sequences.map((tag, level) => `${tag}[${this.items[level]}]`);
    return [...around, ...(this.tag === '' ? [] : [this.tag])].join('.');
  }
}
