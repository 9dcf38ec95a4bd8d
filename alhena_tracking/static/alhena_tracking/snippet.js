window._alhenaEventQueue = window._alhenaEventQueue || [];
window.trackAlhenaEvent = window.trackAlhenaEvent || function (method, data) {
  var queue = window._alhenaEventQueue;
  if (queue.length < 100) queue.push({ method: method, args: data });
};
