// Plays what is published with shaka-player, HLS or DASH; without it the browser plays what it can by itself.
'use strict';

// Nothing is fetched before somebody wants to watch.
const watch = async (box, start) => {
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) return;
  start.hidden = true;
  const video = box.querySelector('video');
  const rung = document.querySelector('#rung');
  const format = document.querySelector('#format');
  const shown = document.querySelector('#shown');
  video.querySelectorAll('source').forEach((source) => source.remove());
  video.controls = false;

  const player = new shaka.Player();
  const overlay = new shaka.ui.Overlay(player, box, video);
  overlay.configure({
    controlPanelElements: ['play_pause', 'time_and_duration', 'spacer', 'mute', 'volume', 'captions', 'fullscreen', 'overflow_menu'],
    overflowMenuButtons: ['playback_rate', 'picture_in_picture'],
  });
  // There are no advertisements; a control without a name is in the way of screen readers.
  const bare = () => box.querySelectorAll('button.shaka-ad-info').forEach((button) => button.remove());
  // A fetch ahead that another one breaks off would be asked again for ever.
  player.configure({ streaming: { segmentPrefetchLimit: 0 } });
  await player.attach(video);
  bare();

  const say = (error) => { shown.textContent = `It does not play: ${error.message || error.code || error}`; };
  player.addEventListener('error', (event) => say(event.detail));

  const tell = () => {
    const { height, width } = player.getStats();
    if (height) shown.textContent = `shows ${Math.round(width)} × ${Math.round(height)}`;
  };
  const list = () => {
    const heights = new Set(player.getVariantTracks().map((track) => track.height));
    const options = [...heights].sort((one, other) => other - one).map((height) => new Option(`${height}p`, height));
    rung.replaceChildren(rung.options[0], ...options);
  };
  // What a load takes away, until one has given it back; of several in a row the last counts.
  let kept = null;
  let loads = 0;
  const load = async () => {
    const mine = ++loads;
    kept ??= {
      at: video.currentTime, plays: !video.paused, rate: video.playbackRate,
      words: player.getTextTracks().find((track) => track.active)?.language,
    };
    const height = Number(rung.value);
    try {
      // A rung is a new load and no switch: one that a seek breaks off can leave shaka-player without pictures for good.
      await player.unload();
      if (mine !== loads) return;
      player.configure({ restrictions: { minHeight: height, maxHeight: height || Infinity } });
      await player.load(box.dataset[format.value], kept.at || null);
    } catch (error) {
      if (error.code !== shaka.util.Error.Code.LOAD_INTERRUPTED) say(error);  // another choice came in between
      return;
    }
    if (mine !== loads) return;
    const { plays, rate, words } = kept;
    kept = null;
    if (rung.disabled) list();
    rung.disabled = false;
    video.playbackRate = rate;
    const spoken = words && player.getTextTracks().find((track) => track.language === words);
    if (spoken) player.selectTextTrack(spoken);
    if (plays) video.play().catch(() => {});
    if (box.dataset.pictures) {
      player.addThumbnailsTrack(new URL(box.dataset.pictures, location.href).href, 'text/vtt').catch(() => {});
    }
    tell();
    bare();
  };
  // Those of the other format mean nothing any more.
  const begin = () => { [rung.value, rung.disabled] = ['', true]; return load(); };
  // Who starts it meanwhile is heard: a load makes the element forget both the wish and its event.
  video.play = () => {
    if (kept) kept.plays = true;
    return HTMLMediaElement.prototype.play.call(video);
  };
  rung.addEventListener('change', load);
  format.addEventListener('change', begin);
  for (const name of ['resize', 'loadeddata', 'playing']) video.addEventListener(name, tell);
  document.querySelector('#choices').hidden = false;
  await begin();
  box.dataset.ready = '';
};

(() => {
  const [box, start] = ['#player', '#watch-it'].map((name) => document.querySelector(name));
  if (!box || !window.shaka) return;
  start.hidden = false;
  start.addEventListener('click', () => watch(box, start), { once: true });
})();
