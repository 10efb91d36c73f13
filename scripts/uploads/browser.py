"""Chromium uploads exports that nobody has asked for before: browser.py FOLDER URL PROFILE FIRST. One for each upload box of the server's page,
beginning with export number FIRST of the folder. Prints the boxes with their files, a line each."""

import os
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FOLDER, URL, PROFILE, FIRST = sys.argv[1:]

options = webdriver.ChromeOptions()
options.binary_location = "/usr/bin/chromium"
for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={PROFILE}"):
    options.add_argument(word)
names = sorted(name for name in os.listdir(FOLDER) if name.endswith((".jpg", ".png", ".webp")))[int(FIRST) :]
with webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options) as browser:
    for box, name in zip(("form", "whole", "parts", "read"), names, strict=False):
        browser.get(URL)
        WebDriverWait(browser, 30).until(lambda b: b.title == "ready")
        browser.find_element(By.ID, box).send_keys(os.path.join(FOLDER, name))
        WebDriverWait(browser, 60).until(lambda b: b.title != "ready")
        if browser.title != "done":
            raise SystemExit(f"Chromium's upload of {name} by {box}: {browser.title}")
        print("chromium-" + box, name)
