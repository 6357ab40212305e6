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
    overflowMenuButtons: ['quality', 'playback_rate', 'picture_in_picture'],
  });
  // There are no advertisements; a control without a name is in the way of screen readers.
  const bare = () => box.querySelectorAll('button.shaka-ad-info').forEach((button) => button.remove());
  // A fetch ahead that a choice of another rung breaks off would be asked again for ever.
  player.configure({ streaming: { segmentPrefetchLimit: 0 } });
  await player.attach(video);
  bare();

  const say = (error) => { shown.textContent = `It does not play: ${error.message || error.code || error}`; };
  player.addEventListener('error', (event) => say(event.detail));

  // Of one height the best sound; heights are what people know rungs by.
  const rungs = () => {
    const best = new Map();
    for (const track of player.getVariantTracks()) {
      const known = best.get(track.height);
      if (!known || known.bandwidth < track.bandwidth) best.set(track.height, track);
    }
    return [...best.values()].sort((one, other) => other.height - one.height);
  };
  const tell = () => {
    const { height, width } = player.getStats();
    if (height) shown.textContent = `shows ${Math.round(width)} × ${Math.round(height)}`;
  };
  let loads = 0;
  const load = async () => {
    const mine = ++loads;
    const at = video.currentTime;
    rung.disabled = true;  // those of the other format mean nothing any more
    try {
      await player.load(box.dataset[format.value], at || null);
    } catch (error) {
      if (error.code !== shaka.util.Error.Code.LOAD_INTERRUPTED) say(error);  // another choice came in between
      return;
    } finally { rung.disabled = mine !== loads; }
    const auto = rung.options[0];
    rung.replaceChildren(auto, ...rungs().map((track) => new Option(`${track.height}p`, track.id)));
    rung.value = '';
    player.configure({ abr: { enabled: true } });
    if (box.dataset.pictures) {
      player.addThumbnailsTrack(new URL(box.dataset.pictures, location.href).href, 'text/vtt').catch(() => {});
    }
    tell();
    bare();
  };
  rung.addEventListener('change', () => {
    const chosen = player.getVariantTracks().find((track) => String(track.id) === rung.value);
    player.configure({ abr: { enabled: !chosen } });
    if (chosen) player.selectVariantTrack(chosen, true);
  });
  format.addEventListener('change', load);
  for (const name of ['resize', 'loadeddata', 'playing']) video.addEventListener(name, tell);
  document.querySelector('#choices').hidden = false;
  await load();
  box.dataset.ready = '';
};

(() => {
  const [box, start] = ['#player', '#watch-it'].map((name) => document.querySelector(name));
  if (!box || !window.shaka) return;
  start.hidden = false;
  start.addEventListener('click', () => watch(box, start), { once: true });
})();
