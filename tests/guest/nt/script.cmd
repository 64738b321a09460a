@rem SPDX-License-Identifier: MIT
@rem exit: 7
@rem Scripts of cmd.exe: variables, loops, calls, redirection, pipes, error levels, files.
@echo off
setlocal
set name=value
echo %name% "%name%" %nosuch% 100%%
set /a sum=6*7+1
echo %sum%
for %%i in (one two three) do echo item %%i
for /l %%i in (1,1,3) do echo count %%i
if "%name%"=="value" (echo equal) else (echo differs)
if not exist nothing.txt echo not there
echo first> file.txt
echo second>> file.txt
type file.txt
find "second" < file.txt
if errorlevel 1 echo not found
type file.txt | find "first"
mkdir folder
copy file.txt folder\copied.txt > nul
if exist folder\copied.txt echo copied
move folder\copied.txt folder\moved.txt > nul
dir /b folder
for /f "tokens=1" %%l in (folder\moved.txt) do echo line %%l
del folder\moved.txt
rmdir folder
if not exist folder echo removed
call :sub argument "two words"
cmd /c exit 5
echo level %errorlevel%
nosuchprogram 2> nul
echo level %errorlevel%
echo to nowhere > nul
cmd /c exit 3 || echo failed
cmd /c exit 0 && echo good
exit 7

:sub
echo in sub: %1 %~2 %0
goto :eof
