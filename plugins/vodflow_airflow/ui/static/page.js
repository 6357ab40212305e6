// What every page does by itself: follow Airflow's theme, and open Airflow's own pages in Airflow's window.
'use strict';

(() => {
  const root = document.documentElement;
  const framed = window.parent !== window;

  const theme = () => {
    let chosen = null;
    try { chosen = localStorage.getItem('theme'); } catch { /* storage may be closed */ }
    if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;
    else delete root.dataset.theme;  // the system's
  };
  theme();
  addEventListener('storage', theme);

  // The frame may not navigate the window around it, nor open another; a link of that window's own may.
  const leave = (event) => {
    const link = event.target.closest?.('a[data-airflow-page], a[data-out]');
    if (!link || !framed || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const outside = parent.document.createElement('a');
    outside.href = link.href;
    if ('out' in link.dataset) Object.assign(outside, { target: '_blank', rel: 'noopener' });
    parent.document.body.append(outside);
    outside.click();
    outside.remove();
  };
  addEventListener('click', leave);

  // Buttons that mark every box of a name; without scripts they are not there.
  addEventListener('DOMContentLoaded', () => {
    for (const button of document.querySelectorAll('button[data-mark]')) {
      button.hidden = false;
      button.addEventListener('click', () => {
        const boxes = [...button.form.querySelectorAll(`input[name="${button.dataset.mark}"]`)];
        const marked = boxes.some((box) => !box.checked);
        for (const box of boxes) box.checked = marked;
      });
    }
  });
})();
