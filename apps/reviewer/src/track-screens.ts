import { isBlindreelError } from "blindreel/errors";
import {
  type MediaIndices,
  type PlayerGap,
  playTogether,
  type Together,
  type TogetherEvent,
} from "blindreel/player";
import type { ReviewTrack } from "blindreel/review";
import { explain } from "blindreel-ui/problems";
import { View } from "blindreel-ui/view";
import { html, nothing } from "lit";
import { indicesOf } from "./media-indices.js";
import { TEXT } from "./strings.js";

interface Place {
  readonly video: HTMLVideoElement;
  readonly track: ReviewTrack;
  readonly index: MediaIndices | undefined;
}

/** Media tracks side by side, in step. Tells by the event `change` that it plays, or does not, or that its gaps are others. */
export class TrackScreens extends View {
  static override properties = {
    ...View.properties,
    tracks: { attribute: false },
    sounding: { state: true },
  };
  tracks: readonly ReviewTrack[] = [];
  /** Of the recording. */
  coreHash = "";
  /** How much of a track was read for its index. */
  private indexed = 1;
  /** The one that is heard: microphones of two tracks hear the same. */
  private sounding = 0;
  private together: Together | undefined;
  private playable: readonly ReviewTrack[] = [];
  /** What was asked for, also before there was something to play. */
  private sought: Date | undefined;
  private rate = 1;
  private readonly ending = new AbortController();

  get isPlaying(): boolean {
    return this.together?.isPlaying ?? false;
  }
  /** Undefined until there is something to play. */
  get time(): Date | undefined {
    return this.together?.time;
  }
  /** What is known to be missing, of each track that plays. */
  get gaps(): readonly (PlayerGap & { readonly track: string })[] {
    const { players = [] } = this.together ?? {};
    return players.flatMap(({ gaps }, i) => gaps.map((gap) => ({ ...gap, track: this.playable[i]!.name })));
  }

  override firstUpdated(): void {
    if (this.tracks.length > 0) this.attempt("playing", () => this.open());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.ending.abort();
  }

  play(): void {
    this.report(this.together?.play());
  }
  pause(): void {
    this.together?.pause();
  }
  seek(time: Date): void {
    this.sought = time;
    this.report(this.together?.seek(time));
  }
  set speed(rate: number) {
    this.rate = rate;
    if (this.together) this.together.playbackRate = rate;
  }

  private async open(): Promise<void> {
    const videos = [...this.querySelectorAll("video")];
    const all = videos.map((video, i): Place => ({ video, track: this.tracks[i]!, index: undefined }));
    await this.start(all).catch(async (error) => {
      // One that cannot be played does not keep the others from it.
      const playable: Place[] = [];
      const failures: unknown[] = [];
      for (const place of all)
        await this.tried(place).then(
          (tried) => playable.push(tried),
          (failure) => failures.push(failure),
        );
      if (playable.length === 0) throw error;
      await this.start(playable);
      if (failures.length > 0) this.fail(failures[0]);
    });
    this.changed();
  }

  private async start(places: readonly Place[]): Promise<void> {
    this.playable = places.map(({ track }) => track);
    this.together = await playTogether(
      places.map(({ video, track }) => [video, track] as const),
      { signal: this.ending.signal, indices: places.map(({ index }) => index), onEvent: this.onEvent },
    );
    this.together.playbackRate = this.rate;
    if (this.sought) this.seek(this.sought);
  }

  /** The place with an index, where its track needs one. @throws what it cannot be played for. */
  private async tried({ video, track, index }: Place): Promise<Place> {
    const { signal } = this.ending;
    try {
      const alone = await playTogether([[video, track]], { signal, indices: [index] });
      await alone.close();
      return { video, track, index };
    } catch (error) {
      const isIndexed = index || !isBlindreelError(error) || error.code !== "unplayable";
      if (isIndexed || error.details.reason !== "no-index") throw error;
      const onProgress = (indexed: number): void => void Object.assign(this, { indexed });
      const { coreHash } = this;
      onProgress(0);
      const made = await indicesOf(track, { coreHash, signal, onProgress }).finally(() => onProgress(1));
      return this.tried({ video, track, index: made });
    }
  }

  private readonly onEvent = (event: TogetherEvent): void => {
    if (event.type === "failed") this.fail(event.error);
    this.changed();
  };

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }

  private fail(error: unknown): void {
    this.problem = explain(error, "playing", View.network.trouble);
  }

  private report(action: Promise<void> | undefined): void {
    this.problem = undefined;
    action?.catch((error) => this.fail(error));
  }

  protected override render() {
    return html`<div class="tracks">${this.tracks.map(
      ({ name }, i) => html`<figure>
        <video playsinline aria-label=${name} .muted=${i !== this.sounding}></video>
        <figcaption>${name}
          <label><input type="radio" name="sound" .checked=${i === this.sounding}
            @change=${() => Object.assign(this, { sounding: i })}>${TEXT.sound}</label>
        </figcaption>
      </figure>`,
    )}</div>
    ${
      this.indexed < 1
        ? html`<label>${TEXT.indexing}<progress .value=${this.indexed}></progress></label>`
        : nothing
    }
    ${this.problemView()}`;
  }
}
customElements.define("track-screens", TrackScreens);
