// A figure that the column shrinks opens at its own size when it is tapped or clicked: nothing is fetched.
(function () {
  if (window.figuresOpen) { return; }  // the book loads this file twice
  window.figuresOpen = true;
  document.addEventListener('DOMContentLoaded', function () {
    const large = document.createElement('dialog');
    large.className = 'figure-large';
    large.setAttribute('aria-label', 'figure at its own size');
    large.addEventListener('click', function () { large.close(); });
    document.body.append(large);
    const open = function (image) {
      const copy = document.createElement('img');
      copy.src = image.currentSrc || image.src;
      copy.alt = image.alt;
      large.replaceChildren(copy);
      large.showModal();
    };
    document.querySelectorAll('.cell_output img, figure img').forEach(function (image) {
      if (image.closest('a, .heart-slider')) { return; }
      image.classList.add('opens-large');
      image.tabIndex = 0;
      image.setAttribute('role', 'button');
      image.title = 'Tap for its own size';
      image.addEventListener('click', function () { open(image); });
      image.addEventListener('keydown', function (event) {
        if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); open(image); }
      });
    });
  });
})();
